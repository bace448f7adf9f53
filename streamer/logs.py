"""Structured logs on stderr: one line an event, `key=value` or JSON. What a person said or typed is never logged."""

from __future__ import annotations

import json
import logging
import time

__all__ = ["set_up"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class _Structured(logging.Formatter):
    """The record's own fields first, then whatever was passed as `extra`."""

    def fields(self, record: logging.LogRecord) -> dict[str, object]:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        known = {
            "time": stamp,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        failure = {"exception": self.formatException(record.exc_info)} if record.exc_info else {}
        return {**known, **extra, **failure}


class _Json(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), default=str)


class _Text(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        head = f"{fields.pop('time')} {fields.pop('level')!s:7} {fields.pop('logger')}: {fields.pop('message')}"
        failure = fields.pop("exception", None)
        tail = "".join(f" {key}={value}" for key, value in fields.items())
        return head + tail + (f"\n{failure}" if failure else "")


def set_up(form: str, level: str) -> None:
    """`form`: `text` or `json`; `level` as logging names it."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if form == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("aioice", "aiortc", "libav", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)

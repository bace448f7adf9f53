"""Cues as the files that players read: SubRip, WebVTT, plain text (pure).

WebVTT as W3C's candidate recommendation of 2019 has it: text escapes `&`, `<` and `>`. SubRip has no standard:
numbered, with a decimal comma.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamer.text.cues import Cue

__all__ = ["FORMATS", "SubtitleFormat", "written"]


@dataclass(frozen=True, slots=True)
class SubtitleFormat:
    """How a file begins and what one cue adds; cues are counted from 1. So a file can grow while it is read."""

    media_type: str
    head: str
    entry: Callable[[int, Cue], str]


def written(form: SubtitleFormat, cues: Iterable[Cue]) -> str:
    """A whole file."""
    return form.head + "".join(form.entry(number, cue) for number, cue in enumerate(cues, 1))


def _stamp(seconds: float, point: str) -> str:
    total_ms = round(seconds * 1000)
    minutes, rest_ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest_ms // 1000:02}{point}{rest_ms % 1000:03}"


def _srt(number: int, cue: Cue) -> str:
    return f"{number}\n{_stamp(cue.start_s, ',')} --> {_stamp(cue.end_s, ',')}\n{cue.text}\n\n"


def _vtt(_number: int, cue: Cue) -> str:
    text = html.escape(cue.text, quote=False)
    return f"{_stamp(cue.start_s, '.')} --> {_stamp(cue.end_s, '.')}\n{text}\n\n"


def _txt(_number: int, cue: Cue) -> str:
    return " ".join(cue.lines) + "\n"


FORMATS = {
    "srt": SubtitleFormat("application/x-subrip; charset=utf-8", "", _srt),
    "vtt": SubtitleFormat("text/vtt; charset=utf-8", "WEBVTT\n\n", _vtt),
    "txt": SubtitleFormat("text/plain; charset=utf-8", "", _txt),
}

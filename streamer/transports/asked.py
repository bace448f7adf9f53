"""What a request for a transcription asks for: a form as OpenAI's API reference has it, read and checked.

Every error says what is wrong, with which field, and what would be right, in the shape that OpenAI's clients read.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.text.transcription import GRANULARITIES, SUBTITLES
from streamer.transports.http import RETRY_S

__all__ = ["LANGUAGES", "MODELS", "Asked", "Wrong", "asked_of", "read_form"]

MODELS = ("limelight", "whisper-1")  # the second for clients that cannot be told another name
LANGUAGES = {"en": "english"}
SHAPES = ("json", "text", *SUBTITLES, "verbose_json")
LONGEST_UPLOAD = 200 << 20
MOST_FIELDS = 32
LONGEST_TERM, MOST_TERMS = 60, 200


class Wrong(Exception):
    """The request cannot be met: a text for the person, the field that it is about, and a status."""

    def __init__(self, text: str, field: str | None = None, status: int = 400) -> None:
        super().__init__(text)
        self.field, self.status = field, status

    def response(self) -> Response:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        headers = {"Retry-After": str(RETRY_S)} if self.status == 503 else {}
        return JSONResponse({"error": {**self.body, "type": kind}}, self.status, headers)

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI's clients read it."""
        return {"message": str(self), "type": "invalid_request_error", "param": self.field, "code": None}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, checked."""

    upload: UploadFile
    name: str
    shape: str
    granularities: tuple[str, ...]
    language: str
    hot_words: tuple[str, ...]
    stream: bool


async def read_form(request: Request) -> FormData:
    """The body, its file spooled to a disk when it is large, and no longer than it may be."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Wrong("send the recording as multipart/form-data, with the fields file and model", status=415)
    if int(request.headers.get("content-length", "0")) > LONGEST_UPLOAD:
        raise _too_large()
    parser = MultiPartParser(request.headers, _capped(request), max_files=1, max_fields=MOST_FIELDS)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise Wrong(f"this form cannot be read: {error.message}") from None


async def _capped(request: Request) -> AsyncGenerator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST_UPLOAD:
            raise _too_large()
        yield part


def _too_large() -> Wrong:
    return Wrong(f"the upload is larger than {LONGEST_UPLOAD >> 20} MiB; send the sound alone, compressed", "file", 413)


def asked_of(form: FormData) -> Asked:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise Wrong("file: the recording is missing; send it as a file with a name", "file")
    if not upload.size:
        raise Wrong("file: it is empty", "file")
    asked = Asked(
        upload=upload,
        name=upload.filename or "file",
        shape=_one_of(form, "response_format", SHAPES),
        granularities=tuple(_granularities(form)),
        language=_language(form),
        hot_words=_hot_words(_text(form, "prompt")),
        stream=_one_of(form, "stream", ("false", "true")) == "true",
    )
    _one_of(form, "model", MODELS, needed=True)
    if asked.stream and asked.shape not in ("json", "text"):
        raise Wrong("stream: only with response_format json or text", "stream")
    return asked


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _one_of(form: FormData, name: str, known: Sequence[str], *, needed: bool = False) -> str:
    """A field's value, or the first of those known where it is not given."""
    value = _text(form, name)
    if value in known or not (value or needed):
        return value or known[0]
    raise Wrong(f"{name}: {value!r} is not known here; one of: {', '.join(known)}", name)


def _granularities(form: FormData) -> list[str]:
    name = "timestamp_granularities[]"
    told = [str(value) for value in form.getlist(name) + form.getlist("timestamp_granularities")]
    if unknown := set(told) - set(GRANULARITIES):
        raise Wrong(f"{name}: {min(unknown)!r} is not known here; one of: {', '.join(GRANULARITIES)}", name)
    if told and _text(form, "response_format") != "verbose_json":
        raise Wrong(f"{name}: only with response_format verbose_json", name)
    return told or ["segment"]


def _language(form: FormData) -> str:
    asked = _text(form, "language").lower().replace("_", "-").split("-")[0]
    names = {name: tag for tag, name in LANGUAGES.items()}
    tag = names.get(asked, asked) or next(iter(LANGUAGES))
    if tag not in LANGUAGES:
        known = ", ".join(f"{tag} ({name})" for tag, name in LANGUAGES.items())
        raise Wrong(f"language: {_text(form, 'language')!r} is not known here; known: {known}", "language")
    return tag


def _hot_words(prompt: str) -> tuple[str, ...]:
    """The names and terms of a prompt that lists them, with commas or one a line; sentences help nobody here."""
    terms = [" ".join(term.split()) for term in re.split(r"[,;\n]", prompt)]
    return tuple(dict.fromkeys(term for term in terms if 0 < len(term) <= LONGEST_TERM))[:MOST_TERMS]

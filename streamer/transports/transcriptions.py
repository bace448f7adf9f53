"""Recordings to text by HTTP, as OpenAI's clients ask for it: `POST /v1/audio/transcriptions`.

The recording goes through the stages that make live captions (`stages/scribe.py`). A few at a time: the next one hears
when to come back, so that live sessions keep their machine. Errors are in OpenAI's shape.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from streamer.frame import FormatError
from streamer.sessions import Full
from streamer.stages.recognise import Caption, text_of
from streamer.stages.scribe import Scribe
from streamer.text.transcript import Transcript
from streamer.text.transcription import Transcription
from streamer.transports.asked import LANGUAGES, MODELS, Asked, Wrong, asked_of, read_form
from streamer.transports.file.recording import Recording, open_recording
from streamer.transports.http import Refused, Studio
from streamer.transports.places import Places

__all__ = ["MakeScribe", "transcription_routes"]

LONGEST_S = 2 * 3600.0
AT_ONCE = 2
UPLOADS = 8  # what waits on the disk meanwhile
UPLOAD_S = 600.0

MakeScribe = Callable[[Sequence[str]], Scribe]
"""Stages for one recording, given the words to expect; raises `Full` when a model has no free slot."""


def transcription_routes(studio: Studio, make_scribe: MakeScribe) -> list[BaseRoute]:
    """`/v1/audio/transcriptions` and `/v1/models`."""
    uploads, places = Places(UPLOADS, "recordings wait"), Places(AT_ONCE, "recordings are being worked on")

    async def transcriptions(request: Request) -> Response:
        try:
            await studio.ready()
            with uploads.one():
                form = await _upload(request)
            return await _answer(request, form, places, make_scribe)
        except Wrong as error:
            return error.response()
        except Refused as error:
            return Wrong(str(error), status=error.status).response()
        except Full as error:
            return Wrong(str(error), status=503).response()
        except FormatError as error:
            return Wrong(str(error), "file").response()

    async def models(_request: Request) -> Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "limelight"} for name in MODELS]
        return JSONResponse({"object": "list", "data": listed})

    return [
        Route("/v1/audio/transcriptions", transcriptions, methods=["POST"]),
        Route("/v1/models", models),
    ]


class _Work:
    """One recording being transcribed, and all that it holds."""

    def __init__(self, asked: Asked, recording: Recording, scribe: Scribe, places: Places) -> None:
        self._asked, self._recording, self._scribe, self._places = asked, recording, scribe, places
        self._transcript = Transcript()

    @classmethod
    async def begin(cls, asked: Asked, places: Places, make_scribe: MakeScribe) -> _Work:
        """Raises FormatError and `Full`; nothing is held then."""
        places.take()
        try:
            recording = await open_recording(asked.upload.file, name=asked.name, longest_s=LONGEST_S)
            try:
                return cls(asked, recording, make_scribe(asked.hot_words), places)
            except BaseException:
                recording.close()
                raise
        except BaseException:
            places.give_back()
            raise

    async def steps(self) -> AsyncGenerator[list[Caption]]:
        """For each piece of sound what was said in it, perhaps nothing; gives back at the end all that is held."""
        try:
            async for frame in self._recording.frames():
                yield self._noted(await self._scribe.hear(frame))
            yield self._noted(await self._scribe.end())
        finally:
            self._scribe.close()
            self._recording.close()
            self._asked.upload.file.close()
            self._places.give_back()

    def result(self) -> Transcription:
        segments = [segment for segment in self._transcript.segments if segment.words]
        return Transcription(segments, self._recording.seconds, LANGUAGES[self._asked.language])

    def _noted(self, captions: list[Caption]) -> list[Caption]:
        for caption in captions:
            self._transcript.add(caption.event().body)
        return captions


async def _upload(request: Request) -> FormData:
    try:
        async with asyncio.timeout(UPLOAD_S):
            return await read_form(request)
    except TimeoutError:
        raise Wrong(f"the upload took longer than {UPLOAD_S / 60:.0f} minutes", "file", 408) from None


async def _answer(request: Request, form: FormData, places: Places, make_scribe: MakeScribe) -> Response:
    try:
        asked = asked_of(form)
        work = await _Work.begin(asked, places, make_scribe)
    except BaseException:
        await form.close()
        raise
    if asked.stream:
        return StreamingResponse(await _begun(_told(work)), media_type="text/event-stream")
    async with aclosing(work.steps()) as steps:
        async for _ in steps:
            if await request.is_disconnected():
                return Response(status_code=499)  # nobody reads it
    return _shaped(work.result(), asked)


async def _told(work: _Work) -> AsyncGenerator[str]:
    """Server-sent events: each piece of text when it is settled, and all of it at the end."""
    try:
        async with aclosing(work.steps()) as steps:
            yield ": listening\n\n"
            before = ""
            async for captions in steps:
                if said := " ".join(text_of(caption.committed) for caption in captions if caption.committed):
                    yield _event({"type": "transcript.text.delta", "delta": before + said})
                    before = " "
        yield _event({"type": "transcript.text.done", **work.result().plain()})
    except FormatError as error:
        yield _event({"error": Wrong(str(error), "file").body})
    yield "data: [DONE]\n\n"


async def _begun(lines: AsyncGenerator[str]) -> AsyncIterator[str]:
    """The same, already begun, so that it is also ended properly when nobody comes to read it."""
    first = await anext(lines)

    async def all_of_them() -> AsyncIterator[str]:
        yield first
        async for line in lines:
            yield line

    return all_of_them()


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def _shaped(said: Transcription, asked: Asked) -> Response:
    if asked.shape == "json":
        return JSONResponse(said.plain())
    if asked.shape == "verbose_json":
        return JSONResponse(said.verbose(asked.granularities))
    return PlainTextResponse(f"{said.text}\n" if asked.shape == "text" else said.subtitles(asked.shape))

"""Text to speech by HTTP, as OpenAI's clients ask for it: `POST /v1/audio/speech`; the answer is sent while it is made.

A few at a time: the next one hears when to come back, so that live sessions keep their machine. Who does not read what
was asked for is left after a while. Errors are in OpenAI's shape.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Send

from models.tts.types import Controls
from streamer.frame import FormatError
from streamer.sessions import Full
from streamer.stages.saying import Saying
from streamer.stages.talk import NoVoice
from streamer.transports.asked import Wrong
from streamer.transports.http import Refused, Studio, json_body
from streamer.transports.places import Places
from streamer.transports.speech_out import CONTENT_TYPES, FileFormat, open_file

__all__ = ["LONGEST_INPUT", "SPOKEN_AT_ONCE", "Begin", "speech_route"]

LONGEST_INPUT = 10_000
SPOKEN_AT_ONCE = 4  # by requests and sockets together, beside the sessions
PATIENCE_S = 30.0

log = logging.getLogger(__name__)

Begin = Callable[[Callable[[], Controls]], Saying]
"""A stream of speech, its controls read at every clause; raises `Full` and `NoVoice`."""

Model = Literal["limelight", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
# The names after the first are for clients that cannot be told another one: there is one voice.
Name = Literal[
    "limelight", "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse"
]


class Ask(BaseModel):
    """The request's body; what OpenAI's has beside this, such as `instructions`, changes nothing here."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model: Model
    input: Annotated[str, Field(min_length=1, max_length=LONGEST_INPUT)]
    voice: Name = "limelight"
    response_format: FileFormat = "mp3"
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"


def speech_route(studio: Studio, begin: Begin, places: Places) -> BaseRoute:
    """`/v1/audio/speech`; `places` are shared with other doors that speak."""

    async def speech(request: Request) -> Response:
        try:
            ask = _ask(await json_body(request))
            await studio.ready()
            return await _answer(ask, begin, places)
        except Wrong as error:
            return error.response()
        except Refused as error:
            return Wrong(str(error), status=error.status).response()
        except (Full, NoVoice) as error:
            return Wrong(str(error), status=503).response()
        except FormatError as error:
            return Wrong(str(error)).response()

    return Route("/v1/audio/speech", speech, methods=["POST"])


def _ask(body: dict[str, Any]) -> Ask:
    try:
        ask = Ask.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise Wrong(f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}", field) from None
    if not ask.input.strip():
        raise Wrong("input: there is nothing to say", "input")
    return ask


async def _answer(ask: Ask, begin: Begin, places: Places) -> Response:
    """Begun when something of it can be heard, so that what cannot be spoken at all is an error and no empty file."""
    parts = _parts(ask, begin, places)
    try:
        first = await anext(parts)
    except BaseException:
        await parts.aclose()
        raise
    if ask.stream_format == "sse":
        return _Patient(_told(first, parts), parts, media_type="text/event-stream")
    return _Patient(_joined(first, parts), parts, media_type=CONTENT_TYPES[ask.response_format])


async def _parts(ask: Ask, begin: Begin, places: Places) -> AsyncGenerator[bytes]:
    """The file, piece by piece; gives back at the end all that is held."""
    with places.one():
        saying = begin(lambda: Controls(speed=ask.speed))
        try:
            saying.push(ask.input)
            saying.end()
            out, unspoken, heard = open_file(ask.response_format), list[str](), False
            async for piece in saying:
                unspoken += piece.unspoken
                if not piece.length:
                    continue
                heard = True
                for part in out.push(piece.samples):
                    yield part
            if not heard:
                told = ", ".join(unspoken[:5]) or ask.input[:40]
                raise Wrong(f"input: none of this can be spoken, English is: {told}", "input")
            for part in out.finish():
                yield part
        finally:
            saying.close()


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for part in rest:
        yield part


async def _told(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Server-sent events: the file by pieces in base64."""
    async for part in _joined(first, rest):
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()})
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


class _Unread(Exception):
    """The client has stopped reading."""


class _Patient(StreamingResponse):
    """A stream whose reader may be slow, but not for ever; `source` is closed at the end, whatever happens."""

    def __init__(self, content: AsyncGenerator[bytes], source: AsyncGenerator[bytes], *, media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._source = source

    async def stream_response(self, send: Send) -> None:
        async def soon(message: Message) -> None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await send(message)
            except TimeoutError:
                raise _Unread from None

        async with aclosing(self._source):
            try:
                await super().stream_response(soon)
            except _Unread:  # what is not completed is cut off by the server
                log.info("speech: the client did not read for %.0f s", PATIENCE_S)

"""Live text to speech over a websocket: `/v1/audio/speech/stream` (docs/protocol.md), text in by tokens, sound out.

What comes back is sound in binary messages and, before the sound in which they begin, the times of words and phones.
Sound is made as fast as the client reads, never faster.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.tts.types import Phone, SpokenWord
from streamer.channel import Closed
from streamer.frame import SOUND_HZ, FormatError
from streamer.sessions import Full
from streamer.settings import Voice
from streamer.stages.saying import TooMuchText
from streamer.stages.talk import LONGEST_TEXT, NoVoice
from streamer.stages.voice import Piece, moved
from streamer.transports.http import Studio
from streamer.transports.places import Places
from streamer.transports.speech import Begin
from streamer.transports.speech_out import VOICE_HZ, Packets, Raw, SpeechOut

__all__ = ["speech_socket"]

log = logging.getLogger(__name__)

PATIENCE_S = 30.0  # a client that does not read for so long is gone
IDLE_S = 300.0  # nor does a slot wait for ever for a client that says nothing
BINARY = "text to speak comes in text messages; only sound, from here, is binary"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Start(_Message):
    """The first message."""

    type: Literal["start"]
    format: Literal["s16le", "f32le", "opus"] = "s16le"
    rate: Annotated[int, Field(ge=8_000, le=192_000)] = VOICE_HZ
    voice: Voice = Voice()


class Text(_Message):
    type: Literal["text"]
    text: Annotated[str, Field(max_length=LONGEST_TEXT)]


class Plain(_Message):
    type: Literal["flush", "cancel", "end"]


class Set(_Message):
    type: Literal["set"]
    voice: Voice


_START: TypeAdapter[Start] = TypeAdapter(Start)
_LATER: TypeAdapter[Text | Plain | Set] = TypeAdapter(Annotated[Text | Plain | Set, Field(discriminator="type")])


def speech_socket(studio: Studio, begin: Begin, places: Places) -> BaseRoute:
    """The route; `places` are shared with other doors that speak."""

    async def speak(socket: WebSocket) -> None:
        await studio.ready()
        await socket.accept()
        try:
            with places.one():
                await _converse(socket, _read(_START, await _receive(socket)), begin)
        except WebSocketDisconnect:
            pass
        except FormatError as error:
            await _close(socket, 1007, str(error))
        except (Full, NoVoice) as error:
            await _close(socket, 1013, str(error))
        except TimeoutError:
            await _close(socket, 1001, f"nothing was read, or sent, for {PATIENCE_S:.0f}, or {IDLE_S:.0f}, seconds")
        except Closed:
            await _close(socket, 1001, "the server is shutting down")
        except Exception:
            log.exception("speech: the voice failed")
            await _close(socket, 1011, "the voice failed; try again")

    return WebSocketRoute("/v1/audio/speech/stream", speak)


class _Talk:
    """One connection: what is to be said, how, and how much of its sound was sent."""

    def __init__(self, socket: WebSocket, start: Start, begin: Begin) -> None:
        self.socket, self.voice, self.samples = socket, start.voice, 0
        self.saying = begin(lambda: self.voice.controls)
        self._out = _open(start)

    async def read(self) -> None:
        """The client's messages, until it ends; what makes no sense is told and the stream goes on."""
        while True:
            async with asyncio.timeout(IDLE_S):
                text = await _receive(self.socket)
            try:
                message = _read(_LATER, text)
                if isinstance(message, Plain) and message.type == "end":
                    self.saying.end()
                    return
                await self._obey(message)
            except (FormatError, TooMuchText) as error:
                await _send(self.socket, {"type": "error", "error": str(error)})

    async def write(self) -> None:
        """Sound and what is told of it, until all is said."""
        async for piece in self.saying:
            if piece.epoch == self.saying.epoch:
                await self._tell(piece)
            if piece.epoch == self.saying.epoch and piece.length:
                self.samples += piece.length
                await self._send_sound(self._out.push(piece.samples))
        await self._send_sound(self._out.finish())
        await _send(self.socket, {"type": "ended", "seconds": round(self.samples / SOUND_HZ, 3)})

    async def _obey(self, message: Text | Plain | Set) -> None:
        match message:
            case Text(text=text):
                self.saying.push(text)
            case Set(voice=voice):
                self.voice = voice
            case Plain(type="flush"):
                self.saying.flush()
            case _:
                self.saying.cancel()
                sent_s = round(self.samples / SOUND_HZ, 3)
                await _send(self.socket, {"type": "cancelled", "epoch": self.saying.epoch, "sent_s": sent_s})

    async def _tell(self, piece: Piece) -> None:
        if piece.words or piece.phones:
            await _send(self.socket, self._timing(piece))
        if piece.unspoken:
            await _send(self.socket, {"type": "unspoken", "text": list(piece.unspoken)})
        if piece.flushed:
            await _send(self.socket, {"type": "flushed", "seconds": round(self.samples / SOUND_HZ, 3)})

    def _timing(self, piece: Piece) -> dict[str, Any]:
        """Seconds from the first sample that was sent."""
        at_s = self.samples / SOUND_HZ
        words = [_rounded(moved(word, at_s)) for word in piece.words]
        return {"type": "timing", "words": words, "phones": [_rounded(moved(each, at_s)) for each in piece.phones]}

    async def _send_sound(self, messages: list[bytes]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for message in messages:
                await self.socket.send_bytes(message)


async def _converse(socket: WebSocket, start: Start, begin: Begin) -> None:
    talk = _Talk(socket, start, begin)
    try:
        await _send(socket, {"type": "started", "format": start.format, "rate": start.rate, "channels": 1})
        await _both(talk)
        await socket.close(1000)
    finally:
        talk.saying.close()


async def _both(talk: _Talk) -> None:
    """Both directions at once; the first error of either is raised as itself."""
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(talk.read())
            tasks.create_task(talk.write())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _open(start: Start) -> SpeechOut:
    if start.format != "opus":
        return Raw(start.format, rate=start.rate)
    if start.rate not in (SOUND_HZ, VOICE_HZ):
        raise FormatError("Opus is always 48000 Hz here: leave out the rate")
    return Packets()


def _rounded(timed: Phone | SpokenWord) -> dict[str, object]:
    return asdict(replace(timed, start_s=round(timed.start_s, 3), end_s=round(timed.end_s, 3)))


def _read(kind: TypeAdapter[Any], text: str) -> Any:
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise FormatError(f"{where}: {first['msg']}; docs/protocol.md has the messages") from None


async def _receive(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | None = message.get("text")
    if text is None:
        raise FormatError(BINARY)
    return text


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await socket.send_text(json.dumps(message))


async def _close(socket: WebSocket, code: int, text: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        await _send(socket, {"type": "error", "error": text})
        await socket.close(code)

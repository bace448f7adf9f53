"""Live sound over a websocket: `/sessions/NAME/audio` (docs/protocol.md); what comes back is sound, captions or both.

The client sets the pace: what it sends is never dropped, and it is read no faster than the models keep up. What comes
back has as many samples as were sent, lined up to the sample.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from streamer.channel import Channel, Closed, Overflow
from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event, FormatError, Sound
from streamer.publisher import Busy, Publisher
from streamer.rechunk import remix
from streamer.session import EVENTS_HELD, Session
from streamer.sessions import Full
from streamer.settings import SettingsError
from streamer.transports.http import Studio
from streamer.transports.websocket import event_text
from streamer.transports.wire import Wire, open_wire

__all__ = ["Start", "audio_door"]

SUBPROTOCOL = "limelight.v1"
BLOCK = SOUND_HZ // 10  # half of what the microphone channel holds, so that putting and stepping overlap
LONGEST_PAUSE = SOUND_HZ // 2
PATIENCE_S = 30.0  # a client that does not read for so long is gone


class Start(BaseModel):
    """The first message."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    type: Literal["start"]
    format: Literal["s16le", "f32le", "opus"]
    rate: Annotated[int, Field(ge=8_000, le=192_000)] = SOUND_HZ
    channels: Annotated[int, Field(ge=1, le=2)] = 1
    settings: dict[str, Any] | None = None
    returns: Annotated[tuple[Literal["sound", "captions"], ...], Field(min_length=1, strict=False)] = ("sound",)


class _Bye(Exception):
    """Close the socket with this code after this error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(eq=False, slots=True)
class _Client:
    """This connection, as the session knows it."""

    id: str
    socket: WebSocket
    kind: str = "audio"

    async def close(self, reason: str) -> None:
        with suppress(RuntimeError):
            await self.socket.close(1001, reason)


def audio_door(studio: Studio) -> Callable[[WebSocket], Awaitable[None]]:
    """The endpoint."""

    async def audio(socket: WebSocket) -> None:
        await studio.ready()
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope.get("subprotocols", ()) else None)
        try:
            start = _start(await _receive(socket))
            session = await studio.sessions.open(socket.path_params["name"], channels=start.channels)
            await _talk(session, socket, start)
        except WebSocketDisconnect:
            pass
        except _Bye as error:
            await _close(socket, error.code, str(error))
        except (FormatError, SettingsError) as error:
            await _close(socket, 1007, str(error))
        except (Busy, Full) as error:
            await _close(socket, 1013, str(error))
        except (Closed, TimeoutError):
            await _close(socket, 1001, "the session has ended")

    return audio


async def _close(socket: WebSocket, code: int, text: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_text(json.dumps({"type": "error", "error": text}))
        await socket.close(code)


def _start(message: str | bytes) -> Start:
    if not isinstance(message, str):
        raise _Bye(
            1003, 'the first message must be text: {"type": "start", "format": "s16le", "rate": 48000, "channels": 1}'
        )
    try:
        return Start.model_validate_json(message)
    except ValidationError as error:
        first = error.errors()[0]
        raise FormatError(f"start: {'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}") from None


async def _talk(session: Session, socket: WebSocket, start: Start) -> None:
    wire = open_wire(start.format, rate=start.rate, channels=start.channels)
    publisher = session.publish(sound_overflow=Overflow.WAIT)
    client = _Client(secrets.token_urlsafe(8), socket)
    back = _Back(session, start.returns)
    session.attach(client)
    try:
        session.configure(_settings(session, start))
        await _send(
            socket,
            {
                "type": "started",
                "format": start.format,
                "rate": start.rate,
                "channels": start.channels,
                "delay_ms": round(session.path.delay * 1000 / SOUND_HZ, 2),
            },
        )
        await _relay(_Feed(session, publisher), socket, wire, back)
        await _send(socket, {"type": "ended", "samples_in": wire.samples_in, "samples_out": wire.samples_out})
        await socket.close(1000)
    finally:
        back.close()
        session.unpublish(publisher)
        session.detach(client)


def _settings(session: Session, start: Start) -> dict[str, Any]:
    """What the client sets; who wants captions has them on."""
    part = dict(start.settings or {})
    if "captions" not in start.returns:
        return part
    if not session.programme.hears:
        raise FormatError("start: returns: this server has no recogniser, so no captions")
    captions = part.get("captions", {})
    return part | {"captions": {"on": True, **captions} if isinstance(captions, dict) else captions}


class _Back:
    """What goes back to the client: `sound`, and `captions` as far as they are wanted."""

    def __init__(self, session: Session, returns: Sequence[str]) -> None:
        self.sound = session.sound_out.subscribe(
            SOUND_HZ, weight=lambda frame: frame.samples.shape[1], overflow=Overflow.WAIT
        )
        self.wants_sound, self._wants_captions = "sound" in returns, "captions" in returns
        self.events = session.events.subscribe(EVENTS_HELD)
        self._session = session
        if not self._wants_captions:
            self.events.close()

    async def settle(self) -> None:
        """All sound is back; the captions of it come, and no more."""
        if self._wants_captions:
            async with asyncio.timeout(PATIENCE_S):
                await self._session.programme.settle()
        self.events.close()

    def close(self) -> None:
        self.sound.close()
        self.events.close()


async def _relay(feed: _Feed, socket: WebSocket, wire: Wire, back: _Back) -> None:
    """Both directions at once; the first error of either is raised as itself."""
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_read(feed, socket, wire))
            tasks.create_task(_write(feed, socket, wire, back))
            tasks.create_task(_tell(socket, back.events))
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


class _Feed:
    """Puts sound into the session on an unbroken timeline; `total` is the number of samples once all are in."""

    def __init__(self, session: Session, publisher: Publisher) -> None:
        self.total: int | None = None
        self.delay = session.path.delay
        self._session, self._publisher = session, publisher
        self._first, self._sent = round(session.time_s * SOUND_HZ), 0
        self._rest = np.zeros((1, 0), np.float32)

    async def put(self, samples: Sound) -> None:
        """Waits when the models are behind. After a pause of the client's the timeline goes on from now."""
        late = round(self._session.time_s * SOUND_HZ) - self._first - self._sent
        if late > LONGEST_PAUSE and not len(self._publisher.sound):
            self._first += late
        joined = np.concatenate([remix(self._rest, samples.shape[0]), samples], axis=1)
        whole = joined.shape[1] // HOP * HOP  # a pause between two hops tears none
        self._rest = joined[:, whole:]
        for begin in range(0, whole, BLOCK):
            part = joined[:, begin : min(begin + BLOCK, whole)]
            await self._publisher.sound.put(AudioFrame(self._first + self._sent, part, arrival=self._session.now()))
            self._sent += part.shape[1]

    async def end(self) -> None:
        """Push out what the path still holds."""
        self.total = self._sent + self._rest.shape[1]
        await self.put(np.zeros((self._session.channels, self.delay + 2 * HOP), np.float32))
        self._session.unpublish(self._publisher)


async def _read(feed: _Feed, socket: WebSocket, wire: Wire) -> None:
    while isinstance(message := await _receive(socket), bytes):
        await feed.put(wire.decode(message))
    _check_end(message)
    await feed.put(wire.finish_in())
    await feed.end()


def _check_end(message: str) -> None:
    try:
        kind = json.loads(message)["type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        kind = None
    if kind != "end":
        raise _Bye(1003, 'after "start" there is sound (binary) or {"type": "end"}')


async def _write(feed: _Feed, socket: WebSocket, wire: Wire, back: _Back) -> None:
    async for samples in _aligned(feed, back.sound):
        if back.wants_sound:
            await _send_sound(socket, wire.encode(remix(samples, wire.channels)))
    if back.wants_sound:
        await _send_sound(socket, wire.finish_out())
    await back.settle()


async def _aligned(feed: _Feed, out: Channel[AudioFrame]) -> AsyncIterator[Sound]:
    """Sound out, without the samples that the path's delay puts in front and behind."""
    position = -feed.delay
    while feed.total is None or position < feed.total:
        frame = await out.get()
        end = position + frame.samples.shape[1]
        last = end if feed.total is None else min(end, feed.total)
        yield frame.samples[:, max(0, -position) : max(0, last - position)]
        position = end


async def _tell(socket: WebSocket, events: Channel[Event]) -> None:
    async for event in events:
        if event.kind == "caption":
            async with asyncio.timeout(PATIENCE_S):
                await socket.send_text(event_text(event))


async def _send_sound(socket: WebSocket, messages: list[bytes]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for message in messages:
            await socket.send_bytes(message)


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await socket.send_text(json.dumps(message))


async def _receive(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | None = message.get("text")
    return bytes(message["bytes"]) if text is None else text

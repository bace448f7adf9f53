"""The websocket doors: a session's events, and live PCM or Opus in and out (docs/protocol.md, version 1)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from streamer.channel import Channel, Closed
from streamer.frame import Event, FormatError
from streamer.session import EVENTS_HELD, Session
from streamer.sessions import Full
from streamer.settings import SettingsError
from streamer.stages.airing import EditError
from streamer.stages.saying import TooMuchText
from streamer.stages.talk import NoVoice
from streamer.transports.http import Studio

__all__ = ["SUBPROTOCOL", "event_text", "message_reply", "websocket_routes"]

SUBPROTOCOL = "limelight.v1"
LONGEST_EVENT = 64 << 10


def event_text(event: Event) -> str:
    """An event as the JSON text that travels."""
    return json.dumps({"type": event.kind, **event.body}, allow_nan=False)


def hello(session: Session, identity: str) -> Event:
    """The first message on every event stream."""
    settings = session.settings.model_dump()
    return Event(
        "hello", {"version": 1, "session": session.name, "made": session.made, "id": identity, "settings": settings}
    )


def message_reply(session: Session, text: str | bytes) -> Event | None:
    """Act on a client's message; the answer for that client alone, if any."""
    try:
        short = isinstance(text, str) and len(text) <= LONGEST_EVENT
        message = json.loads(text, parse_constant=_no_number) if short else None
    except (ValueError, RecursionError):
        message = None
    try:
        return _obey(session, message)
    except (SettingsError, EditError, FormatError, TooMuchText, NoVoice, Full) as error:
        return Event("error", {"error": str(error)})


def _obey(session: Session, message: object) -> Event | None:
    match message:
        case {"type": "ping", **rest}:
            return Event("pong", {"t": rest.get("t")})
        case {"type": "set", "settings": part}:
            session.configure(part)
        case {"type": "say", "text": str(text), **rest}:
            session.say(text, more=rest.get("more") is True)
        case {"type": "say.stop"}:
            session.talk.stop()
        case {"type": "captions.edit", "line": line, "action": action, **rest}:
            session.programme.edit(line, action, rest.get("text"))
        case {"type": str(kind)}:
            known = "set (with settings), say (with text), say.stop, captions.edit (with line and action), ping"
            raise FormatError(f"no message type {kind!r} here; known: {known}")
        case _:
            raise FormatError('a message is a JSON text of at most 64 KiB such as {"type": "ping"}')
    return None


def _no_number(name: str) -> None:
    """Python reads NaN and Infinity, but they are no JSON and could not be sent back."""
    raise ValueError(name)


def websocket_routes(studio: Studio, audio: Callable[[WebSocket], Awaitable[None]]) -> list[BaseRoute]:
    """`/sessions/NAME/events` and `/sessions/NAME/audio`."""

    async def events(socket: WebSocket) -> None:
        session = studio.sessions.find(socket.path_params["name"])
        await socket.accept()
        stream = session.events.subscribe(EVENTS_HELD)
        try:
            await _both_ways(session, socket, stream)
        finally:
            stream.close()

    return [
        WebSocketRoute("/sessions/{name}/events", events),
        WebSocketRoute("/sessions/{name}/audio", audio),
    ]


async def _both_ways(session: Session, socket: WebSocket, stream: Channel[Event]) -> None:
    for event in (hello(session, ""), *session.programme.lines()):
        await socket.send_text(event_text(event))
    async with asyncio.TaskGroup() as tasks:
        sender = tasks.create_task(_send_events(socket, stream))
        with suppress(WebSocketDisconnect):
            while True:
                reply = message_reply(session, await _receive(socket))
                if reply is not None:
                    stream.offer(reply)
        sender.cancel()


async def _receive(socket: WebSocket) -> str | bytes:
    message: dict[str, Any] = dict(await socket.receive())
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str | bytes = message.get("text") or message.get("bytes") or b""
    return text


async def _send_events(socket: WebSocket, stream: Channel[Event]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        async for event in stream:
            await socket.send_text(event_text(event))
        with suppress(Closed):
            await socket.close(1001)

"""The anchor's rig to avatars that are drawn elsewhere, such as in a browser: a websocket, or a data channel `rig`.

Only who opens one is sent anything. The first message names the channels, each further one is a moment: its time on
the session clock and a value for each channel (docs/protocol.md). Knows poses and texts; not who moves them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress

from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from models.rig import CHANNELS
from streamer.session import Session
from streamer.transports.http import Studio

__all__ = ["rig_routes", "rig_texts", "send_rig"]

HELD = 4  # moments: who is slow misses some
MOST_WAITING = 16 << 10  # bytes on a data channel


async def rig_texts(session: Session) -> AsyncIterator[str]:
    """What is sent, while the session lives; up to 60 moments a second while its anchor is on."""
    rigs = session.anchor.rig.subscribe(HELD)
    try:
        yield json.dumps({"type": "rig.names", "synthetic": True, "names": CHANNELS})
        async for rig in rigs:
            values = [round(value, 3) for value in rig.pose.tolist()]
            yield json.dumps({"type": "rig", "time_s": round(rig.at_s, 4), "values": values})
    finally:
        rigs.close()


async def send_rig(channel: RTCDataChannel, session: Session) -> None:
    """The same on a data channel; what it has no room for is left out."""
    async for text in rig_texts(session):
        if channel.bufferedAmount < MOST_WAITING:
            with suppress(InvalidStateError):
                channel.send(text)


def rig_routes(studio: Studio) -> list[BaseRoute]:
    """`/sessions/NAME/rig`."""

    async def rig(socket: WebSocket) -> None:
        session = studio.sessions.find(socket.path_params["name"])
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):
            async for text in rig_texts(session):
                await socket.send_text(text)

    return [WebSocketRoute("/sessions/{name}/rig", rig)]

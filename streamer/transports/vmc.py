"""The anchor's rig to VTuber tools on this machine or network: the VMC protocol, OSC messages in UDP datagrams.

One receiver has one avatar, so one session at a time moves it: the first that has its anchor on. Knows rigs and
datagrams; nothing of who moves the rig.

Sources: VMC protocol, "Marionette" (protocol.vmc.info); Open Sound Control 1.0.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from models.avatar import bones, perfect_sync, vrm_expressions
from models.rig import Pose
from streamer.channel import Channel
from streamer.session import Session
from streamer.stages.live_anchor import Rig

__all__ = ["DEFAULT_PORT", "SHAPES", "Vmc", "bundles", "messages"]

DEFAULT_PORT = 39539  # of VSeeFace and Warudo; VMagicMirror listens on 39540
LOOK_S = 0.25
RIGS = 4
LONGEST = 1400  # of a datagram: under what any network carries whole
IMMEDIATELY = 1

SHAPES: Mapping[str, Callable[[Pose], dict[str, float]]] = {"vrm": vrm_expressions, "perfect-sync": perfect_sync}

log = logging.getLogger(__name__)


def messages(pose: Pose, at_s: float, *, shapes: str) -> Iterator[bytes]:
    """All that is said of one moment."""
    yield osc("/VMC/Ext/OK", 1)
    yield osc("/VMC/Ext/T", at_s)
    for bone, turn in bones(pose).items():
        yield osc("/VMC/Ext/Bone/Pos", bone, 0.0, 0.0, 0.0, *turn)
    for name, value in SHAPES[shapes](pose).items():
        yield osc("/VMC/Ext/Blend/Val", name, value)
    yield osc("/VMC/Ext/Blend/Apply")


def osc(address: str, *arguments: str | float | int) -> bytes:
    """An OSC message of strings, 32-bit floats and integers."""
    tags = "".join("s" if isinstance(a, str) else "i" if isinstance(a, int) else "f" for a in arguments)
    parts = [_text(address), _text("," + tags)]
    for tag, argument in zip(tags, arguments, strict=True):
        parts.append(_text(argument) if isinstance(argument, str) else struct.pack(f">{tag}", argument))
    return b"".join(parts)


def _text(text: str) -> bytes:
    raw = text.encode("ascii") + b"\0"
    return raw + b"\0" * (-len(raw) % 4)


def bundles(given: Iterable[bytes]) -> list[bytes]:
    """Messages in bundles of at most `LONGEST` bytes, in order."""
    head = b"#bundle\0" + struct.pack(">Q", IMMEDIATELY)
    made = [head]
    for message in given:
        part = struct.pack(">i", len(message)) + message
        if len(made[-1]) + len(part) > LONGEST:
            made.append(head)
        made[-1] += part
    return made


class Vmc:
    """Sends to `host`:`port`; `shapes`: one of `SHAPES`. `sessions` are looked through while none moves the avatar."""

    def __init__(self, host: str, port: int, *, shapes: str, sessions: Iterable[Session]) -> None:
        self._address, self._shapes, self._sessions = (host, port), shapes, sessions

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(_Deaf, remote_addr=self._address)
        try:
            while True:
                session = next((each for each in self._sessions if each.anchor.on), None)
                if session is not None:
                    await self._move(session, transport)
                await asyncio.sleep(LOOK_S)
        finally:
            transport.close()

    async def _move(self, session: Session, transport: asyncio.DatagramTransport) -> None:
        """The avatar is this session's, as long as its anchor is on."""
        log.info("the avatar at %s:%s is moved by session %s", *self._address, session.name)
        rigs = session.anchor.rig.subscribe(RIGS)
        try:
            async for rig in _while_on(rigs, session):
                for datagram in bundles(messages(rig.pose, rig.at_s, shapes=self._shapes)):
                    transport.sendto(datagram)
        finally:
            rigs.close()


async def _while_on(rigs: Channel[Rig], session: Session) -> AsyncIterator[Rig]:
    while session.anchor.on and not rigs.closed:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                yield await rigs.get()


class _Deaf(asyncio.DatagramProtocol):
    """A receiver that is not there yet answers with an error, which means nothing here."""

    def error_received(self, _error: Exception) -> None:
        pass

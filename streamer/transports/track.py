"""A track of packets that are encoded already, as aiortc's sender pulls them. Only its public interface is used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from streamer.channel import Closed
from streamer.transports.codecs import Encoded

__all__ = ["EncodedTrack"]


class EncodedTrack(MediaStreamTrack):
    """What aiortc pulls from: it asks for a packet when it has sent the one before."""

    def __init__(self, kind: str, pull: Callable[[], Awaitable[Encoded]]) -> None:
        super().__init__()
        self.kind = kind
        self._pull = pull

    async def recv(self) -> av.Packet[Any]:
        try:
            item = await self._pull()
        except Closed:
            self.stop()
            raise MediaStreamError from None
        packet = av.Packet(item.payload)
        packet.pts, packet.time_base = item.pts, Fraction(1, item.rate)
        return packet

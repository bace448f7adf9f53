"""What one viewer gets of what a shared encoder makes. Knows nothing of aiortc or of sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from streamer.channel import Channel
from streamer.transports.codecs import Encoded

__all__ = ["SenderStats", "ViewerQueue"]

ASK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class SenderStats:
    """One viewer. `loss` 0…1, jitter and RTT from its last report; None until it has said so."""

    loss: float | None
    jitter_s: float | None
    rtt_s: float | None
    skipped: int


class ViewerQueue:
    """What of `source` can be decoded: nothing before the first key picture, nor between a drop and the next one.

    What was queued before anybody asked, while the connection was being made, is stale and goes.
    """

    def __init__(self, source: Channel[Encoded], request_keyframe: Callable[[], None]) -> None:
        self.skipped, self._begun = 0, False
        self._source, self._request = source, request_keyframe
        self._dropped, self._needs_key = source.dropped, True
        self._asked = float("-inf")

    async def get(self) -> Encoded:
        """The next packet.

        Raises:
            Closed: the source is closed and drained.
        """
        if not self._begun:
            self._begun = True
            if self._source.drain():
                self._request()
        while not self._decodable(item := await self._source.get()):
            self.skipped += 1
            self._ask(time.monotonic())
        return item

    def close(self) -> None:
        self._source.close()

    def _decodable(self, item: Encoded) -> bool:
        if self._source.dropped != self._dropped:
            self._dropped, self._needs_key = self._source.dropped, True
        self._needs_key = self._needs_key and not item.key
        return not self._needs_key

    def _ask(self, now: float) -> None:
        if now - self._asked >= ASK_EVERY_S:
            self._asked = now
            self._request()

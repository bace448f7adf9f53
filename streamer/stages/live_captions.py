"""The captions of a session, beside its sound: hops wait in a bounded queue, a task of the session hears them.

A side branch: it never holds media, and what fails in it is counted and costs captions alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from streamer.channel import Channel, Closed, Overflow
from streamer.frame import AudioFrame
from streamer.settings import Captions
from streamer.stages.captions import Captioner
from streamer.stages.recognise import Caption

__all__ = ["LiveCaptions"]

QUEUE_HOPS = 800  # 8 s: a machine that is so far behind will not catch up by waiting
SOUNDLESS_S = 1.0

log = logging.getLogger(__name__)


class LiveCaptions:
    """`tell` hears what changes on the screen; `settings` is read at every hop."""

    def __init__(
        self, captioner: Captioner, *, settings: Callable[[], Captions], tell: Callable[[Caption], None]
    ) -> None:
        self._captioner, self._settings, self._tell = captioner, settings, tell
        self._hops: Channel[tuple[AudioFrame, float] | asyncio.Event] = Channel(QUEUE_HOPS, Overflow.DROP_OLDEST)
        self._was_on = False

    def offer(self, hop: AudioFrame, speech: float, *, source: str) -> None:
        """A hop of `raw` or `clean` sound, and how likely it is speech; never waits."""
        settings = self._settings()
        wanted = (settings.on or self._was_on) and settings.source == source and not self._hops.closed
        if wanted and self._hops.offer((hop, speech)):
            self._captioner.skip()

    async def room(self) -> None:
        """Wait until another hop can be offered without any being dropped."""
        await self._hops.room()

    async def settle(self) -> None:
        """Wait until what was offered has been told, as if no sound followed."""
        told = asyncio.Event()
        if not self._hops.closed:
            self._hops.offer(told)
            await told.wait()

    async def run(self) -> None:
        """Until `close`."""
        while True:
            try:
                item = await self._next()
            except Closed:
                return
            try:
                for caption in await self._captions(item):
                    self._tell(caption)
            except Exception:  # not the recogniser's, which the captioner sees to
                log.exception("captions failed")
            if isinstance(item, asyncio.Event):
                item.set()

    def stats(self) -> dict[str, Any]:
        """For the `stats` event: state of the captions now."""
        captioner = self._captioner
        return {
            "pace": captioner.pace.value,
            "lag_s": round(captioner.lag_s, 3),
            "skipped_hops": self._hops.dropped + captioner.left_out,
            "failures": captioner.failures,
            "revised": captioner.revised,
        }

    def close(self) -> None:
        self._hops.close()
        self._captioner.close()

    async def _next(self) -> tuple[AudioFrame, float] | asyncio.Event | None:
        try:
            async with asyncio.timeout(SOUNDLESS_S):
                return await self._hops.get()
        except TimeoutError:
            return None

    async def _captions(self, item: tuple[AudioFrame, float] | asyncio.Event | None) -> list[Caption]:
        if not isinstance(item, tuple):  # muted, or the publisher has left
            return await self._captioner.end()
        was_on, self._was_on = self._was_on, self._settings().on
        if self._was_on:
            return await self._captioner.hear(*item)
        return await self._captioner.end() if was_on else []

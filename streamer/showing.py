"""The picture that a session sends: the camera's, delayed as long as the sound, or the anchor's in its place.

Both go out with the sound of their moment, captions burnt in. Knows no door; the session owns its tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streamer.channel import Broadcast, Channel, Closed
from streamer.clock import MediaClock
from streamer.frame import SOUND_HZ, VideoFrame
from streamer.pipeline import DelayLine
from streamer.publisher import Publisher
from streamer.report import Report
from streamer.stages.live_anchor import LiveAnchor
from streamer.stages.programme import Programme

__all__ = ["CARRIED", "Showing"]

CARRIED = SOUND_HZ // 25  # about what a publisher's sound takes on its way: 40 ms


class Showing:
    """`delay`: samples by which the sound path lags; `clock`: the session's.

    `anchor`: who may be shown in the camera's place, and sees what it films.
    """

    def __init__(
        self,
        programme: Programme,
        report: Report,
        clock: MediaClock,
        *,
        delay: int,
        now: Callable[[], float],
        anchor: Callable[[], LiveAnchor],
    ) -> None:
        self.out: Broadcast[VideoFrame] = Broadcast()
        self._programme, self._report, self._anchor = programme, report, anchor
        self._delay, self._start, self._now = delay, clock.start, now

    def due(self, at_s: float) -> float:
        """Monotonic time at which the sound of a moment of the session clock leaves, or would if there were any."""
        lag_s = self._lag_s()
        if lag_s is None:
            lag_s = self._start + (self._delay + CARRIED) / SOUND_HZ + self._programme.wait_s
        return at_s + lag_s

    async def show(self, frame: VideoFrame) -> None:
        """Send a picture out now."""
        self._report.shown(frame, self._now())
        await self.out.put(await self._programme.draw(frame))

    async def camera(self, publisher: Publisher, current: Callable[[], bool]) -> None:
        """Show what a publisher films, until they leave or are not the `current` one any more."""
        line = DelayLine(self._delay)
        while True:
            line.hold(self._programme.wait_s)
            try:
                frame = await self._next(publisher.picture, line)
            except Closed:
                if not self._programme.wait_s or not len(line):
                    return
                await asyncio.sleep(max(0.0, (line.next_due(self._lag_s()) or 0.0) - self._now()))
                frame = None
            if frame is not None:
                self._anchor().see(frame)
                line.push(frame)
            if not current():
                return
            while (due := line.pop_due(self._now(), self._lag_s())) is not None:
                if not self._anchor().on:
                    await self.show(due)

    def _lag_s(self) -> float | None:
        return self._report.sound_lag_s(self._now())

    async def _next(self, pictures: Channel[VideoFrame], line: DelayLine) -> VideoFrame | None:
        """The next frame, or None when the first one held is due."""
        due = line.next_due(self._lag_s())
        try:
            async with asyncio.timeout(None if due is None else max(0.0, due - self._now())):
                return await pictures.get()
        except TimeoutError:
            return None

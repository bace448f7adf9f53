"""A face before the camera, tracked beside the picture path: the newest picture is a job, poses with their time result.

A side branch: it holds one picture at most, and never the media. Knows no tracker in particular.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from streamer.channel import Channel, Overflow
from streamer.frame import PICTURE_HZ, VideoFrame
from streamer.jobs import Jobs
from streamer.stages.tracker import FaceTracker

__all__ = ["Tracking"]

HELD = 30

log = logging.getLogger(__name__)


class Tracking:
    """`make` a tracker when a face is first to be followed; None: nothing tracks faces here."""

    def __init__(
        self, make: Callable[[], FaceTracker] | None = None, *, failed: Callable[[], None] = lambda: None
    ) -> None:
        self._make, self._failed = make, failed
        self._tracker: FaceTracker | None = None
        self._pictures: Channel[VideoFrame] = Channel(1, Overflow.DROP_OLDEST)
        self._jobs = Jobs("face")  # of its own: a face in time matters less than sound, and must not wait for sentences
        self._made: deque[list[float]] = deque(maxlen=HELD)

    @property
    def possible(self) -> bool:
        """Whether there is something that tracks."""
        return self._make is not None

    def offer(self, frame: VideoFrame) -> None:
        """A picture; never waits, the newest wins."""
        if self.possible and not self._pictures.closed:
            self._pictures.offer(frame)

    def take(self) -> list[list[float]]:
        """Time and pose of what was tracked since the last time."""
        made = list(self._made)
        self._made.clear()
        return made

    async def run(self) -> None:
        """Track, until `close`."""
        async for frame in self._pictures:
            try:
                await self._jobs.run(partial(self._track, frame))
            except Exception:
                log.exception("no face could be tracked at pts %d", frame.pts)
                self._failed()

    def close(self) -> None:
        self._pictures.close()
        self._jobs.close()
        if self._tracker is not None:
            self._tracker.close()

    def _track(self, frame: VideoFrame) -> None:
        if self._tracker is None and self._make is not None:
            self._tracker = self._make()
        pose = self._tracker.track(frame) if self._tracker is not None else None
        if pose is not None:
            self._made.append([frame.pts / PICTURE_HZ, *(round(value, 3) for value in pose.tolist())])

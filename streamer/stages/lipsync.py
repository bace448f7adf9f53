"""Lips read off a voice: raw hops through the mouth's network, beside the sound path; what comes out has its time.

A side branch: its queue is bounded and never holds media. Knows no face.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamer.channel import Channel, Closed, Overflow
from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.publisher import MICROPHONE_SAMPLES
from streamer.rechunk import remix
from streamer.ticks.stepper import Arrays

__all__ = ["LipSync", "Lips", "Mouths"]

HELD = 100  # mouths that nobody has asked for, 10 ms each
LONG_HOLE = 5 * HOP
SILENCE_DB = -90.0

log = logging.getLogger(__name__)

Lips = list[float]
"""Of one moment: its time in seconds, level in dB, and the values of `models.mouth.MOUTH`."""


class Mouths(Protocol):
    """A lease of the network, whose outputs lag by `delay` hops."""

    async def step(self, chunk: Arrays) -> Arrays: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class LipSync:
    """`make` leases the network when somebody is first heard; None: nothing reads lips here, which stay shut.

    `failed` is told of steps that fail.
    """

    def __init__(
        self, make: Callable[[], Mouths] | None, *, delay: int = 0, failed: Callable[[], None] = lambda: None
    ) -> None:
        self._make, self._delay, self._failed = make, delay, failed
        self._mouths: Mouths | None = None
        self._raw: Channel[AudioFrame] = Channel(MICROPHONE_SAMPLES // HOP, Overflow.DROP_OLDEST)
        self._made: deque[Lips] = deque(maxlen=HELD)
        self._levels: deque[float] = deque(maxlen=delay + 1)  # of the hops whose mouths are still to come
        self._quiet()
        self._end: int | None = None

    def offer(self, hop: AudioFrame) -> None:
        """Raw sound; never waits."""
        if self._make is not None and not self._raw.closed:
            self._raw.offer(hop)

    def take(self) -> list[Lips]:
        """What was read since the last time, in order."""
        made = list(self._made)
        self._made.clear()
        return made

    async def run(self) -> None:
        """Read, until `close`."""
        with suppress(Closed):
            async for hop in self._raw:
                if self._mouths is None and self._make is not None:
                    self._mouths = self._make()
                if self._mouths is not None:
                    await self._read(hop, self._mouths)

    async def _read(self, hop: AudioFrame, mouths: Mouths) -> None:
        if self._end is not None and abs(hop.pts - self._end) > LONG_HOLE:
            mouths.reset()
            self._made.clear()
            self._quiet()
        self._end = hop.end
        self._levels.append(_level_db(hop))
        try:
            values = np.asarray(await mouths.step(remix(hop.samples, 1)), np.float32).ravel()
        except Closed:
            raise
        except Exception:
            log.exception("lips could not be read at pts %d", hop.pts)
            self._failed()
            return
        at_s = (hop.pts + HOP / 2) / SOUND_HZ - self._delay * HOP / SOUND_HZ
        self._made.append([at_s, self._levels[0], *_rounded(values)])

    def _quiet(self) -> None:
        """Nothing was heard before."""
        self._levels.extend([SILENCE_DB] * (self._delay + 1))

    def close(self) -> None:
        self._raw.close()
        if self._mouths is not None:
            self._mouths.close()


def _level_db(hop: AudioFrame) -> float:
    return round(float(10 * np.log10(np.square(hop.samples).mean() + 10 ** (SILENCE_DB / 10))), 1)


def _rounded(values: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 3) for value in values]

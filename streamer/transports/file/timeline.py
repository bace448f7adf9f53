"""Decoded sound laid out on one unbroken grid of samples, by its time stamps.

Missing stretches become silence, overlaps are trimmed, small jitter is ignored, leaps that cannot be meant are taken
out. Pure: no file, no codec. What comes out starts at `start` and has `length` samples, so position is time.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from streamer.frame import Sound

__all__ = ["Timeline"]

JITTER_S = Fraction(15, 1000)  # less than any common packet, so that one lost packet is always seen
LONGEST_GAP_S = 600
LONGEST_OVERLAP_S = 1


class Timeline:
    """Counts of what had to be mended, in samples: `silence`, `trimmed`; and `leaps`, in events.

    `tick`: seconds per unit of the container's clock; stamps are no more exact than that.
    """

    def __init__(self, rate: int, tick: Fraction) -> None:
        self.rate = rate
        self.start: Fraction | None = None
        self.length = self.silence = self.trimmed = self.leaps = 0
        self._tick = int(2 * tick * rate) + 1
        self._jitter = max(self._tick, int(JITTER_S * rate))
        self._shift = Fraction(0)

    def place(self, at: Fraction | None, samples: Sound, *, after_loss: bool = False) -> Iterator[Sound]:
        """`samples` `[C, T]` that say they begin `at` seconds (None: they follow on), in pieces of at most a second.

        `after_loss`: a packet was lost just before, so even a small gap is real.
        """
        offset = self._offset(at, samples.shape[1], self._tick if after_loss else self._jitter)
        if offset > 0:
            yield from self._silence(samples.shape[0], offset)
        elif offset < 0:
            self.trimmed += min(-offset, samples.shape[1])
            samples = samples[:, -offset:]
        if samples.shape[1]:
            self.length += samples.shape[1]
            yield samples

    def _offset(self, at: Fraction | None, size: int, slack: int) -> int:
        """How many samples later than the end of what we have these begin."""
        if self.start is None:
            self.start = Fraction(0) if at is None else at
        if at is None:
            return 0
        offset = round((at - self._shift - self.start) * self.rate) - self.length
        if abs(offset) <= slack:
            return 0
        if not -LONGEST_OVERLAP_S * self.rate <= offset <= LONGEST_GAP_S * self.rate:
            self.leaps += 1
            self._shift += Fraction(offset, self.rate)
            return 0
        return self._whole_packets(offset, size)

    def _whole_packets(self, offset: int, size: int) -> int:
        # Stamps in milliseconds blur the size of a gap; lost packets are whole ones, and that is exact.
        nearest = round(offset / size) * size if size else offset
        return nearest if nearest > 0 and abs(nearest - offset) <= self._tick else offset

    def _silence(self, channels: int, size: int) -> Iterator[Sound]:
        self.silence += size
        self.length += size
        for first in range(0, size, self.rate):
            yield np.zeros((channels, min(self.rate, size - first)), np.float32)

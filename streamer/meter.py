"""Levels for people to look at: peak and an approximate BS.1770 loudness, five times a second.

Cheap and stateless per block (K-weighting by its magnitude response on a whole block's spectrum), good to a few
tenths of a LU; what steers sound is the exact recurrence in `models/dynamics.py`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.frame import SOUND_HZ, Sound

__all__ = ["BLOCK", "Meter", "k_weighting"]

BLOCK = SOUND_HZ // 5  # 200 ms
SHORT_TERM_BLOCKS = 15  # 3 s, EBU Tech 3341
FLOOR_DB = -70.0


def k_weighting(frequencies: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """|H(f)|² of the two biquads of ITU-R BS.1770-4 at 48 kHz (coefficients: Annex 1, tables 1 and 2)."""
    z = np.exp(-2j * np.pi * frequencies / SOUND_HZ)
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    weight: NDArray[np.float64] = np.abs(shelf * high_pass) ** 2
    return weight


_WEIGHT = k_weighting(np.fft.rfftfreq(BLOCK, 1 / SOUND_HZ))


def _db(power: float, factor: float = 10.0) -> float:
    return max(FLOOR_DB, factor * math.log10(power)) if power > 0 else FLOOR_DB


class Meter:
    """Collects hops; `peak_db` and `lufs` tell of the last whole block and the last 3 s (None before there is one)."""

    def __init__(self) -> None:
        self.peak_db: float | None = None
        self.lufs: float | None = None
        self._blocks: deque[float] = deque(maxlen=SHORT_TERM_BLOCKS)
        self._held: list[Sound] = []
        self._count = 0

    def push(self, samples: Sound) -> None:
        """Any `[C, T]`; the arithmetic is done once a block."""
        self._held.append(samples)
        self._count += samples.shape[1]
        if self._count >= BLOCK:
            block = np.concatenate(self._held, axis=1)[:, :BLOCK]
            self._held, self._count = [], 0
            self._measure(block)

    def _measure(self, block: Sound) -> None:
        self.peak_db = _db(float(np.abs(block).max()), 20.0)
        spectrum = np.abs(np.fft.rfft(block, axis=1)) ** 2
        # Parseval: the sum over a one-sided spectrum counts every bin but the first and last twice.
        self._blocks.append(float((spectrum * _WEIGHT).sum() * 2 / BLOCK**2))
        self.lufs = _db(sum(self._blocks) / len(self._blocks)) - 0.691

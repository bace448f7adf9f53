"""Where speech is stressed: beats for head and brows, from phones with their stress or from the sound's loudness.

Pure functions of what was said; the same input gives the same beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.tts.types import Phone

__all__ = ["Beat", "beats_of_loudness", "beats_of_phones", "loudness_db"]

APART_S = 0.45  # beats closer than this would be a tremble
FRAMES_HZ = 100


@dataclass(frozen=True, slots=True)
class Beat:
    """A stressed sound: its middle, and how strong it is, 0…1."""

    at_s: float
    strength: float


def beats_of_phones(phones: Sequence[Phone]) -> list[Beat]:
    """Beats on vowels with the first stress: longer ones are stronger, and the last of a phrase strongest."""
    found: list[Beat] = []
    for place, phone in enumerate(phones):
        if not phone.name.endswith("1"):
            continue
        middle_s, long_ = (phone.start_s + phone.end_s) / 2, (phone.end_s - phone.start_s - 0.06) / 0.14
        final = not any(later.name.endswith("1") for later in phones[place + 1 :])
        found.append(Beat(middle_s, float(np.clip(0.25 + 0.45 * long_ + 0.3 * final, 0.15, 1.0))))
    return _thinned(found)


def beats_of_loudness(level_db: NDArray[np.float32]) -> list[Beat]:
    """Beats on the peaks of loudness that stand out of the second around them; `level_db` is at 100 Hz."""
    if len(level_db) < 3:
        return []
    smooth = np.convolve(np.pad(level_db, 6, "edge"), np.hanning(13) / np.hanning(13).sum(), "valid")
    wide = np.convolve(np.pad(smooth, 50, "edge"), np.ones(101) / 101, "valid")
    peaks = np.flatnonzero((smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])) + 1
    heights = smooth[peaks] - wide[peaks]
    loud = smooth[peaks] > np.percentile(smooth, 95) - 15
    return _thinned(
        [
            Beat(float(peak) / FRAMES_HZ, float(np.clip((height - 2) / 10, 0.1, 1.0)))
            for peak, height, kept in zip(peaks, heights, loud, strict=True)
            if kept and height > 3
        ]
    )


def loudness_db(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The level of `sound` `[T]` (±1) in dB, 100 times a second, `[ceil(100 T / rate_hz)]`."""
    hop = rate_hz // FRAMES_HZ
    blocks = np.pad(sound, (0, -len(sound) % hop)).reshape(-1, hop)
    return np.asarray(10 * np.log10((blocks.astype(np.float64) ** 2).mean(1) + 1e-9), np.float32)


def _thinned(beats: list[Beat]) -> list[Beat]:
    """Of beats that come too close, the stronger."""
    kept: list[Beat] = []
    for beat in beats:
        if kept and beat.at_s - kept[-1].at_s < APART_S:
            kept[-1] = max(kept[-1], beat, key=lambda one: one.strength)
        else:
            kept.append(beat)
    return kept

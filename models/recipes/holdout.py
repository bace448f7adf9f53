"""The held-back set: talkers and noises that no recipe learns from, mixed the same way every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recipes.mixing import active_rms
from models.recipes.sources import Sources

__all__ = ["Pair", "Wave", "holdout", "si_sdr_db"]

RATE = 16_000
SECONDS = 6

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """A noisy recording and its clean self, `[T]` at 16 kHz; `snr_db` tells how they were mixed."""

    noisy: Wave
    clean: Wave
    snr_db: float


def holdout(sources: Sources, count: int) -> list[Pair]:
    """The first `count` pairs: talkers in turn, noises at random, -2.5 to 12.5 dB."""
    rng = np.random.default_rng(2026)
    return [_pair(sources, i, rng) for i in range(count)]


def _pair(sources: Sources, i: int, rng: np.random.Generator) -> Pair:
    pool = sources.held_speech
    pcm = pool.clips[pool.chosen[i % len(pool.chosen)]]
    at = int(rng.integers(max(len(pcm) - SECONDS * RATE, 1)))
    clean = pcm[at : at + SECONDS * RATE].astype(np.float32) / np.float32(32768)
    clean = (clean * (10 ** (rng.uniform(-32, -20) / 20) / active_rms(clean))).astype(np.float32)
    noise = _noise(sources, len(clean), rng)
    snr_db = (-2.5, 2.5, 7.5, 12.5)[i % 4]
    noisy = clean + noise * (active_rms(clean) / active_rms(noise) * 10 ** (-snr_db / 20))
    scale = min(1.0, 0.98 / float(np.abs(noisy).max()))
    return Pair((noisy * scale).astype(np.float32), (clean * scale).astype(np.float32), snr_db)


def _noise(sources: Sources, samples: int, rng: np.random.Generator) -> Wave:
    pool = sources.held_noise
    pcm = pool.clips[pool.chosen[rng.integers(len(pool.chosen))]].astype(np.float32) / 32768
    at = int(rng.integers(max(len(pcm) - samples, 1)))
    return np.resize(pcm[at : at + samples] + 1e-5, samples)


def si_sdr_db(made: Wave, clean: Wave) -> float:
    """Scale-invariant signal-to-distortion ratio."""
    aim = clean * (float(made @ clean) / float(clean @ clean))
    error = made - aim
    return float(10 * np.log10((aim @ aim + 1e-12) / (error @ error + 1e-12)))

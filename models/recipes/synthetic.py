"""Noises that need no recording: coloured noise, hum, clicks, gusts, something like music."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = ["synthetic_noise"]

RATE = 16_000

Wave = NDArray[np.float32]


def synthetic_noise(rng: np.random.Generator, samples: int) -> Wave:
    """One of them, at any level."""
    make = (coloured, coloured, hum, clicks, gusts, music)[rng.integers(6)]
    return make(rng, samples)


def coloured(rng: np.random.Generator, samples: int) -> Wave:
    """Noise with a power law between blue and brown."""
    bins = scipy.fft.rfft(rng.standard_normal(samples, dtype=np.float32))
    hz = np.maximum(np.linspace(0, RATE / 2, len(bins)), 30.0)
    made: Wave = scipy.fft.irfft(bins * hz ** rng.uniform(-1.2, 0.4), samples).astype(np.float32)
    return made


def hum(rng: np.random.Generator, samples: int) -> Wave:
    """Mains or a machine: harmonics of a steady pitch, on a little hiss."""
    pitch = rng.choice([50.0, 60.0, rng.uniform(40, 400)])
    count = int(rng.integers(1, 25))
    harmonics = np.arange(1, count + 1)[:, None]
    t = np.arange(samples, dtype=np.float32) / RATE
    gains = rng.uniform(0, 1, (count, 1)) / harmonics ** rng.uniform(0.3, 1.2)
    tones = gains * np.sin(2 * np.pi * pitch * harmonics * t + rng.uniform(0, 6.3, (count, 1)))
    tones[pitch * harmonics[:, 0] > RATE / 2] = 0
    hiss = rng.standard_normal(samples, dtype=np.float32) * rng.uniform(0, 0.1)
    made: Wave = (tones.sum(0) + hiss).astype(np.float32)
    return made


def clicks(rng: np.random.Generator, samples: int) -> Wave:
    """Keys, knocks, crackle: short decaying bursts at random times."""
    out = np.zeros(samples, np.float32)
    for at in rng.integers(0, samples, int(rng.integers(2, 40))):
        length = min(int(rng.integers(20, 1600)), samples - int(at))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
        out[at : at + length] += burst * rng.uniform(0.1, 1)
    return out + 1e-4 * rng.standard_normal(samples, dtype=np.float32)


def gusts(rng: np.random.Generator, samples: int) -> Wave:
    """Coloured noise whose loudness wanders."""
    points = int(rng.integers(4, 30))
    loudness = 10 ** (rng.uniform(-30, 0, points) / 20)
    swell = np.interp(np.linspace(0, points - 1, samples), np.arange(points), loudness)
    return (coloured(rng, samples) * swell).astype(np.float32)


def music(rng: np.random.Generator, samples: int) -> Wave:
    """Plucked or held chords from one scale in an even beat."""
    out = np.zeros(samples, np.float32)
    beat = int(rng.uniform(0.12, 0.6) * RATE)
    root, fall = rng.uniform(80, 250), rng.uniform(0.5, 8)
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 24])
    for at in range(0, samples, beat):
        t = np.arange(min(int(rng.uniform(1, 3) * beat), samples - at), dtype=np.float32) / RATE
        for tone in rng.choice(scale, int(rng.integers(1, 4)), replace=False):
            out[at : at + len(t)] += _note(rng, t, root * 2 ** (tone / 12)) * np.exp(-fall * t)
    return out


def _note(rng: np.random.Generator, t: NDArray[np.floating], hz: float) -> Wave:
    harmonics = np.arange(1, 7)[:, None]
    gains = rng.uniform(0, 1, (6, 1)) / harmonics
    attack = np.minimum(t * 100, 1)
    note: Wave = ((gains * np.sin(2 * np.pi * hz * harmonics * t)).sum(0) * attack).astype(np.float32)
    return note

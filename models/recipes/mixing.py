"""Endless mixtures of speech, noise and rooms at 16 kHz, made on the fly.

A mixture is a pair: what a microphone would hear, and what we want to hear (the talker and the first 50 ms of the
room). Everything follows from one random generator, so a seed names a sequence of mixtures. Knows nothing of networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from models.recipes.packs import Clips
from models.recipes.synthetic import synthetic_noise

__all__ = ["Mixer", "Pool", "Shares", "active_rms"]

RATE = 16_000
EARLY = 800  # samples of a room that stay: 50 ms
BLOCK = 400  # samples over which a level is taken

Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Pool:
    """Clips drawn with probability in proportion to `weight`."""

    clips: Clips
    chosen: list[int]
    weight: float


@dataclass(frozen=True)
class Shares:
    """How many of the mixtures are without noise, without speech, in a room, band-limited, clipped."""

    clean: float = 0.09
    empty: float = 0.06
    room: float = 0.28
    band: float = 0.08
    clip: float = 0.03


def active_rms(x: Wave) -> float:
    """Level of the louder parts: RMS over blocks within 30 dB of the loudest."""
    power = np.square(x[: len(x) // BLOCK * BLOCK].reshape(-1, BLOCK)).mean(1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


class Mixer:
    """Draws `(heard, wanted)` pairs `[T]`."""

    def __init__(
        self,
        speech: Sequence[Pool],
        noise: Sequence[Pool],
        rooms: Wave,
        *,
        samples: int,
        rng: np.random.Generator,
        shares: Shares,
    ) -> None:
        self.speech, self.noise, self.rooms = speech, noise, rooms
        self.samples, self.rng, self.shares = samples, rng, shares
        self.size = scipy.fft.next_fast_len(samples + rooms.shape[-1], real=True)

    def __iter__(self) -> Iterator[tuple[Wave, Wave]]:
        while True:
            yield self.draw()

    def draw(self) -> tuple[Wave, Wave]:
        kind = self.rng.random()
        heard, wanted = self._talker()
        level = 10 ** (self._level_db() / 20) / (active_rms(heard) + 1e-9)
        heard, wanted = heard * level, wanted * level
        if kind >= self.shares.clean:
            noise = self._noise()
            snr_db = self.rng.uniform(-5, 20)
            heard_level = active_rms(heard)
            noise *= heard_level * 10 ** (-snr_db / 20) / (active_rms(noise) + 1e-9)
            if kind < self.shares.clean + self.shares.empty:
                heard, wanted = heard * 0, wanted * 0
            heard = heard + noise
        return self._ending(heard, wanted)

    def _level_db(self) -> float:
        return self.rng.uniform(-45, -10) if self.rng.random() < 0.35 else self.rng.normal(-25, 4)

    def _ending(self, heard: Wave, wanted: Wave) -> tuple[Wave, Wave]:
        """Band limits, clipping, and no overload otherwise."""
        if self.rng.random() < self.shares.band:
            shape = self._band()
            heard, wanted = self._filter(heard, shape), self._filter(wanted, shape)
        peak = max(float(np.abs(heard).max()), 1e-9)
        if self.rng.random() < self.shares.clip:
            limit = peak * 10 ** (-self.rng.uniform(2, 12) / 20)
            heard = np.clip(heard, -limit, limit)
        scale = min(1.0, 0.99 / peak)
        return (heard * scale).astype(np.float32), (wanted * scale).astype(np.float32)

    def _talker(self) -> tuple[Wave, Wave]:
        x = scipy.fft.rfft(self._fill(self.speech, gap=0.5), self.size)
        if self.rng.random() < 0.5:
            x *= self._tilt(6.0)
        if self.rng.random() >= self.shares.room:
            dry = self._sound(x)
            return dry, dry
        room = self.rooms[self.rng.integers(len(self.rooms)), 0]
        fade = np.ones(len(room), np.float32)
        fade[EARLY:] = np.exp(-np.arange(len(room) - EARLY, dtype=np.float32) / 160)
        wet = [x * scipy.fft.rfft(r, self.size) for r in (room, room * fade)]
        heard, wanted = (self._sound(w) for w in wet)
        return heard, wanted

    def _noise(self) -> Wave:
        x = self._one_noise()
        if self.rng.random() < 0.3:
            other = self._one_noise() * 10 ** (self.rng.uniform(-12, 6) / 20)
            x = x / (active_rms(x) + 1e-9) + other / (active_rms(other) + 1e-9)
        spectrum = scipy.fft.rfft(x, self.size)
        if self.rng.random() < 0.5:
            spectrum *= self._tilt(9.0)
        if self.rng.random() < 0.2:
            spectrum *= scipy.fft.rfft(self.rooms[self.rng.integers(len(self.rooms)), 1], self.size)
        return self._sound(spectrum)

    def _one_noise(self) -> Wave:
        case = self.rng.random()
        if case < 0.12:
            return synthetic_noise(self.rng, self.samples)
        if case < 0.18:
            talkers = int(self.rng.integers(4, 9))
            crowd: Wave = np.sum([self._fill(self.speech, gap=0.0) for _ in range(talkers)], axis=0)
            return crowd
        return self._fill(self.noise, gap=0.0)

    def _fill(self, pools: Sequence[Pool], *, gap: float) -> Wave:
        """`samples` of clips one after the other, the first from a random point, with pauses of up to `gap` s."""
        weights = np.array([p.weight for p in pools])
        pool = pools[self.rng.choice(len(pools), p=weights / weights.sum())]
        out = np.zeros(self.samples, np.float32)
        at = 0
        while at < self.samples:
            x = self._speed(self._crop(pool))[: self.samples - at]
            out[at : at + len(x)] = x
            at += len(x) + int(self.rng.uniform(0, gap) * RATE)
        return out

    def _crop(self, pool: Pool) -> Wave:
        pcm = pool.clips[pool.chosen[self.rng.integers(len(pool.chosen))]]
        most = int(1.2 * self.samples)
        start = self.rng.integers(max(len(pcm) - most // 2, 1))
        x = pcm[start : start + most].astype(np.float32)
        return x / (float(np.abs(x).max()) + 1.0) if len(x) else np.zeros(BLOCK, np.float32)

    def _speed(self, x: Wave) -> Wave:
        """Play faster or slower (pitch moves too), for two of five clips."""
        if self.rng.random() >= 0.4 or len(x) < 4 * BLOCK:
            return x
        factor = self.rng.uniform(0.87, 1.15)
        bins = scipy.fft.rfft(x)
        length = int(len(x) * factor)
        played: Wave = scipy.fft.irfft(bins[: length // 2 + 1], length).astype(np.float32)
        return played

    def _sound(self, spectrum: NDArray[np.complex64]) -> Wave:
        sound: Wave = scipy.fft.irfft(spectrum, self.size)[: self.samples]
        return sound

    def _tilt(self, spread_db: float) -> Wave:
        """A smooth random colouring over frequency."""
        points = np.linspace(0, 1, 7) ** 1.7
        gains = self.rng.uniform(-spread_db, spread_db, 7)
        curve = np.interp(np.linspace(0, 1, self.size // 2 + 1), points, gains)
        gain: Wave = (10 ** (curve / 20)).astype(np.float32)
        return gain

    def _band(self) -> Wave:
        high = self.rng.choice([3400, 4000, 5500, 6800])
        low = self.rng.choice([20, 80, 300])
        hz = np.linspace(0, RATE / 2, self.size // 2 + 1)
        shape: Wave = (1 / (1 + (hz / high) ** 30) / (1 + (low / np.maximum(hz, 1)) ** 8)).astype(np.float32)
        return shape

    def _filter(self, x: Wave, shape: Wave) -> Wave:
        return self._sound(scipy.fft.rfft(x, self.size) * shape)

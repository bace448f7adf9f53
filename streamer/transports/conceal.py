"""Sound made to go on: gaps filled from what was heard last, and frames fitted end to end on the session's clock.

Pure numpy on `[C, T]` at 48 kHz; knows nothing of packets, codecs or time of day.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamer.frame import SOUND_HZ, AudioFrame, Sound

__all__ = ["Aligner", "Concealer", "conceal", "stretch"]

FADE = SOUND_HZ * 60 // 1000
JOIN = SOUND_HZ * 5 // 1000
SHORTEST, LONGEST = SOUND_HZ // 400, SOUND_HZ // 60  # pitch periods
TEMPLATE = SOUND_HZ // 50
HISTORY = TEMPLATE + LONGEST + 1
COARSE = 6  # the pitch is searched at 8 kHz, then to the sample


def conceal(history: Sound, n: int, *, elapsed: int = 0) -> Sound:
    """`n` samples that go on from `history` `[C, T]`, `elapsed` samples after its end; silent after 60 ms.

    The last pitch period again and again (as ITU-T G.711 appendix I does), joined without a step.
    """
    at = elapsed + np.arange(n)
    if history.shape[1] < HISTORY or elapsed >= FADE:
        return np.zeros((history.shape[0], n), dtype=np.float32)
    period = _pitch(history.mean(axis=0))
    turn = history[:, -period:] + (history[:, -1:] - history[:, -period - 1 : -period]) * _falling(period)
    gain = np.clip(1.0 - at / FADE, 0.0, 1.0)
    return np.asarray(turn[:, at % period] * gain, dtype=np.float32)


def _falling(period: int) -> NDArray[np.float32]:
    """What is left, `i` samples into a turn, of the step between its end and its beginning."""
    return np.clip(1.0 - np.arange(1, period + 1, dtype=np.float32) / min(period, JOIN), 0.0, 1.0)


def _pitch(sound: NDArray[np.float32]) -> int:
    """The lag at which the last 20 ms are most like what came before, in samples."""
    coarse = sound[sound.size % COARSE :].reshape(-1, COARSE).mean(axis=1)
    near = COARSE * _best_lag(coarse, TEMPLATE // COARSE, range(SHORTEST // COARSE, LONGEST // COARSE))
    return _best_lag(sound, TEMPLATE, range(max(near - COARSE, SHORTEST), min(near + COARSE, LONGEST) + 1))


def _best_lag(sound: NDArray[np.float32], template: int, lags: range) -> int:
    last = sound[-template:]
    earlier = np.lib.stride_tricks.sliding_window_view(sound, template)[::-1][lags.start : lags.stop]
    likeness = earlier @ last / np.sqrt(np.einsum("ij,ij->i", earlier, earlier) + 1e-9)
    return lags.start + int(np.argmax(likeness))


class Concealer:
    """One track's memory of what was heard last."""

    def __init__(self, channels: int) -> None:
        self._history: Sound = np.zeros((channels, HISTORY), dtype=np.float32)
        self._filled: int | None = None  # samples made up since; None: what comes follows what was heard

    def heard(self, samples: Sound) -> Sound:
        """Real sound; after a gap or a cut its first 5 ms are crossfaded with made-up sound, against a click."""
        if self._filled is not None:
            joined = min(JOIN, samples.shape[1])
            made_up = conceal(self._history, joined, elapsed=self._filled)
            samples = samples.copy()
            samples[:, :joined] = made_up + (samples[:, :joined] - made_up) * (np.arange(joined) / joined)
            self._filled = None
        self._history = np.concatenate([self._history, samples], axis=1)[:, -HISTORY:]
        return samples

    def fill(self, n: int) -> Sound:
        """`n` samples for sound that is missing."""
        elapsed = self._filled or 0
        self._filled = elapsed + n
        return conceal(self._history, n, elapsed=elapsed)

    def cut(self) -> None:
        """What comes next does not follow what was heard."""
        self._filled = self._filled or 0


def stretch(samples: Sound, n: int) -> Sound:
    """`samples` `[C, T]` as `n` samples of the same sound, for `n` within a percent of `T` (Catmull-Rom)."""
    length = samples.shape[1]
    if n == length:
        return samples
    at = np.arange(n) * (length / n)
    whole = np.minimum(at.astype(np.int64), length - 1)
    part = (at - whole).astype(np.float32)
    before, here, after, beyond = (samples[:, np.clip(whole + i, 0, length - 1)] for i in (-1, 0, 1, 2))
    slope = after - before
    bend = 2.0 * before - 5.0 * here + 4.0 * after - beyond
    twist = 3.0 * (here - after) + beyond - before
    return np.asarray(here + 0.5 * part * (slope + part * (bend + part * twist)), dtype=np.float32)


class Aligner:
    """Frames whose pts drift against their sample count, fitted end to end.

    The session's clock and a publisher's sound card differ by some ppm; instead of a seam every few seconds, frames are
    stretched by at most 0.5 %, and only once they are off by more than `SLACK`. A hole is filled, an overlap dropped.
    For `SETTLING` samples after the start the clock's first guesses are mended by moving labels, not sound.

    The first frame is preceded by `CUSHION` samples of silence: whoever cuts frames into hops or packets then has them
    whole the moment a frame comes, also when a few samples have been taken out; without it, the first sample taken out
    would make everything wait for one more packet.
    """

    SLACK = SOUND_HZ // 1000
    CUSHION = 2 * SLACK
    SEAM = SOUND_HZ // 50
    SETTLING = 2 * SOUND_HZ
    MOST_FILLED = SOUND_HZ

    def __init__(self, concealer: Concealer) -> None:
        self._concealer = concealer
        self._next: int | None = None
        self._aligned = 0
        self._correcting = False

    def align(self, frame: AudioFrame) -> list[AudioFrame]:
        """Nothing, the frame, or a filler and the frame."""
        if self._next is None or frame.pts - self._next > self.MOST_FILLED:
            self._next = frame.pts
            frame = replace(frame, pts=frame.pts - self.CUSHION, samples=_after_silence(frame.samples, self.CUSHION))
            return self._out(frame)
        off = frame.pts - self._next
        if off < -self.SEAM:
            self._concealer.cut()
            return []
        if off > self.SEAM:
            filler = replace(frame, pts=self._next, samples=self._concealer.fill(off), gap=True)
            return [filler, *self._out(frame)]
        return self._out(frame if self._aligned < self.SETTLING else self._fitted(frame, off))

    def _out(self, frame: AudioFrame) -> list[AudioFrame]:
        if not frame.gap:
            frame = replace(frame, samples=self._concealer.heard(frame.samples))
        self._next = frame.end
        self._aligned += frame.samples.shape[1]
        return [frame]

    def _fitted(self, frame: AudioFrame, off: int) -> AudioFrame:
        """The frame where the one before ended, a little longer or shorter if it should begin elsewhere."""
        length = frame.samples.shape[1]
        most = max(length // 200, 1)
        self._correcting = abs(off) > (most if self._correcting else self.SLACK)
        change = min(max(off, -most), most) if self._correcting else 0
        return replace(frame, pts=frame.pts - off, samples=stretch(frame.samples, length + change))


def _after_silence(samples: Sound, n: int) -> Sound:
    return np.pad(samples, ((0, 0), (n, 0)))

"""Whether a person interrupts the voice: it falls silent at once, then it turns out to be meant or a false alarm.

What the voice detector hears may be the voice itself, from a loudspeaker: sound that goes along with what was played
just now is no person. Pure: hops in, verdicts out, time counted in hops. Knows no session and no door.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamer.frame import SOUND_HZ, Sound
from streamer.rechunk import remix

__all__ = ["BargeIn", "Verdict", "likeness"]

# 4 kHz of band tell voices apart; higher, rooms blur what they echo.
STEP = 6
RATE = SOUND_HZ // STEP
WINDOW = RATE * 400 // 1000
LATEST = RATE  # an echo comes back within a second: network, jitter buffers and the sound card, twice
# Rooms from a kitchen to a hall give 0.27…0.84 (5 to 95 % of cases), other people's speech 0.07…0.33.
ECHO = 0.34
AGAIN_HOPS = 10
MEANT_HOPS = 24  # with the 60 ms that the detector waits: 300 ms of voice
MISTAKEN_HOPS = 20
LONGEST_HOPS = 150
VOICED, UNVOICED = 0.5, 0.35

Samples = NDArray[np.float32]


class Verdict(Enum):
    """What is to be done with the voice."""

    HOLD = "somebody seems to speak: fall silent"
    DROP = "somebody speaks: the rest is not said"
    RESUME = "it was a false alarm: go on"


class BargeIn:
    """For one session: `played` hears every outgoing hop's generated sound, `heard` every incoming hop."""

    def __init__(self) -> None:
        self._played = _Recent(LATEST + WINDOW)
        self._heard = _Recent(WINDOW)
        self._alarm = self._ready = False
        self._hops = self._voiced = self._quiet = 0

    def played(self, voice: Sound) -> None:
        self._played.push(voice)

    def heard(self, sound: Sound, probability: float, *, speaking: bool, sounding: bool) -> Verdict | None:
        """A raw hop, how likely it is speech, and whether the detector says that somebody speaks.

        `sounding`: the voice has something to say, or is held for an alarm.
        """
        self._heard.push(remix(sound, 1))
        if self._alarm:
            return self._weigh(probability)
        if not (speaking and sounding):
            self._ready = not speaking  # only who begins to speak interrupts
            self._hops = 0
            return None
        return self._look() if self._ready else None

    def forget(self) -> None:
        """The voice was stopped, or has begun anew: no alarm any more."""
        self._alarm = False

    def _look(self) -> Verdict | None:
        self._hops += 1
        if self._hops % AGAIN_HOPS != 1 or likeness(self._heard.samples, self._played.samples) > ECHO:
            return None
        self._alarm = True
        self._hops = self._voiced = self._quiet = 0
        return Verdict.HOLD

    def _weigh(self, probability: float) -> Verdict | None:
        self._hops += 1
        self._voiced += probability > VOICED
        self._quiet = 0 if probability > UNVOICED else self._quiet + 1
        if self._voiced >= MEANT_HOPS or self._hops >= LONGEST_HOPS:
            verdict = Verdict.DROP
        elif self._quiet >= MISTAKEN_HOPS:
            verdict = Verdict.RESUME
        else:
            return None
        self._alarm = self._ready = False
        return verdict


class _Recent:
    """The newest `length` samples of a sound, at a sixth of its rate."""

    def __init__(self, length: int) -> None:
        self.samples: Samples = np.zeros(length, np.float32)

    def push(self, sound: Sound) -> None:
        fresh = sound[0, : sound.shape[1] // STEP * STEP].reshape(-1, STEP).mean(1)
        self.samples = np.concatenate([self.samples[len(fresh) :], fresh])


def likeness(heard: Samples, played: Samples) -> float:
    """The greatest correlation, 0…1, of `heard` with any stretch of `played` of its length."""
    count = len(heard)
    size = 1 << (count + len(played) - 1).bit_length()
    product = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    like = np.abs(np.fft.irfft(product, size)[: len(played) - count + 1])
    power = np.concatenate([[0.0], np.cumsum(played.astype(np.float64) ** 2)])
    energy = (power[count:] - power[:-count]) * float(np.sum(heard.astype(np.float64) ** 2))
    # Silence is like nothing.
    return float(np.max(like / np.sqrt(np.maximum(energy, (1e-6 * count) ** 2))))

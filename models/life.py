"""What a face does when it does nothing: blinks, glances, breath, sway, and beats of head and brows on stressed sounds.

All of it is a function of the seed and the time on the media clock alone, at any frame rate, but for the beats, which
whoever knows the sound tells. Knows nothing of words.

Sources for the figures: Bentivoglio et al. 1997 (17 blinks a minute at rest, 26 in talk); Munhall et al. 2004 (heads
move with pitch and loudness); Cassell et al. 1994 (beats fall on stressed syllables).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from math import exp, sin, tau

import numpy as np

from models.rig import CHANNELS, INDEX, Pose, gazing

__all__ = ["Life"]

SHUTTING_S, SHUT_S, OPENING_S = 0.07, 0.04, 0.15
BEAT_S = 0.22  # half a nod
SACCADE_S = 0.05
MOST_BEATS = 64
_SWAY = (  # channel, size, and the two periods in seconds that make it never the same twice
    ("headYaw", 3.2, 7.3, 3.1),
    ("headPitch", 1.6, 5.9, 2.7),
    ("headRoll", 2.0, 8.7, 4.3),
    ("lean", 0.22, 11.0, 5.3),
)
BREATH_S = 4.2


class Life:
    """The life of the person with this `seed`; `liveliness` 0…2 scales movements, not blinks or breath."""

    def __init__(self, seed: int = 0, *, liveliness: float = 1.0) -> None:
        draw = random.Random(f"limelight-life-{seed}")
        self._phases = [draw.uniform(0, tau) for _ in range(2 * len(_SWAY) + 1)]
        self._liveliness = liveliness
        self._blinks = _Moments(random.Random(f"limelight-blink-{seed}"), least_s=1.4, mean_s=3.4)
        self._glances = _Moments(random.Random(f"limelight-gaze-{seed}"), least_s=0.9, mean_s=2.2)
        self._seed = seed
        self._beats: deque[tuple[float, float]] = deque(maxlen=MOST_BEATS)

    def beat(self, at_s: float, strength: float) -> None:
        """A stressed sound at `at_s`, `strength` 0…1: a nod and, when strong, a lift of the brows."""
        self._beats.append((at_s, min(1.0, max(0.0, strength))))

    def at(self, at_s: float) -> Pose:
        """What it adds to the face at `at_s`."""
        pose = self._gaze(at_s)
        pose += self._sway(at_s)
        pose += self._beaten(at_s)
        for side in ("Left", "Right"):
            pose[INDEX[f"eyeBlink{side}"]] = self._blink(at_s)
        return pose

    def _sway(self, at_s: float) -> Pose:
        pose = np.zeros(len(CHANNELS), np.float32)
        for number, (channel, size, one_s, other_s) in enumerate(_SWAY):
            a, b = self._phases[2 * number], self._phases[2 * number + 1]
            wave = 0.65 * sin(tau * at_s / one_s + a) + 0.35 * sin(tau * at_s / other_s + b)
            pose[INDEX[channel]] = self._liveliness * size * wave
        pose[INDEX["breath"]] = 0.5 - 0.5 * sin(tau * at_s / BREATH_S + self._phases[-1])
        return pose

    def _blink(self, at_s: float) -> float:
        since = at_s - self._blinks.last(at_s)
        if since < SHUTTING_S:
            return since / SHUTTING_S
        return max(0.0, 1 - max(0.0, since - SHUTTING_S - SHUT_S) / OPENING_S)

    def _gaze(self, at_s: float) -> Pose:
        """Mostly at the viewer; the head goes a little of the way, later."""
        began, number = self._glances.last(at_s), self._glances.number(at_s)
        here, before = self._target(number), self._target(number - 1)
        share = min(1.0, (at_s - began) / SACCADE_S)
        pitch, yaw = (b + share * (a - b) for a, b in zip(here, before, strict=True))
        pose = gazing(pitch, yaw)
        late = 1 - exp(-max(0.0, at_s - began) / 0.35)
        for channel, a, b in (("headPitch", here[0], before[0]), ("headYaw", here[1], before[1])):
            pose[INDEX[channel]] += 0.25 * (b + late * (a - b)) * self._liveliness
        return pose

    def _target(self, number: int) -> tuple[float, float]:
        draw = random.Random(f"limelight-glance-{self._seed}-{number}")
        if draw.random() < 0.68:
            return draw.uniform(-1.2, 1.2), draw.uniform(-1.8, 1.8)
        return draw.uniform(-7, 6), draw.choice((-1, 1)) * draw.uniform(6, 15)

    def _beaten(self, at_s: float) -> Pose:
        pose = np.zeros(len(CHANNELS), np.float32)
        while len(self._beats) > 1 and self._beats[0][0] < at_s - 10:
            self._beats.popleft()
        for beat_s, strength in self._beats:
            shape = exp(-(((at_s - beat_s) / (0.55 * BEAT_S)) ** 2)) * strength
            pose[INDEX["headPitch"]] -= 4.0 * shape * self._liveliness
            raised = exp(-(((at_s - beat_s + 0.05) / BEAT_S) ** 2)) * max(0.0, strength - 0.5)
            for name in ("browOuterUpLeft", "browOuterUpRight", "browInnerUp"):
                pose[INDEX[name]] += 0.7 * raised
        return np.clip(pose, -8, 1)


class _Moments:
    """Endless moments at random distances, the same for the same dice whoever asks when."""

    def __init__(self, dice: random.Random, *, least_s: float, mean_s: float) -> None:
        self._dice, self._least_s, self._mean_s = dice, least_s, mean_s
        self._times = [-10.0]
        self._dropped = 0

    def last(self, at_s: float) -> float:
        """The last moment until `at_s`."""
        self._known(at_s)
        return self._times[max(0, bisect_right(self._times, at_s) - 1)]

    def number(self, at_s: float) -> int:
        """How many there were until then."""
        self._known(at_s)
        return self._dropped + max(0, bisect_right(self._times, at_s) - 1)

    def _known(self, at_s: float) -> None:
        while self._times[-1] <= at_s:
            further = self._dice.expovariate(1 / (self._mean_s - self._least_s))
            self._times.append(self._times[-1] + self._least_s + min(further, 3 * self._mean_s))
        if len(self._times) > 4096:  # hours of life; nobody asks so far back
            self._dropped += 2048
            del self._times[:2048]

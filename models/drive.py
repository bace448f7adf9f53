"""Phones with their times → the mouth at any moment, with co-articulation.

Each viseme dominates around its own time and fades into its neighbours' (Cohen and Massaro, "Modeling coarticulation in
synthetic visual speech", 1993): vowels strongly, tongue sounds weakly, rounding long before it is heard. What must
touch, touches: lips meet for m, b, p and the lip meets the teeth for f, v, however short they are. The mouth leads its
sound, as mouths do. Knows nothing of faces beyond the rig, nor of what is felt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from models.faces import phone_pose, phone_visemes, viseme_pose
from models.rig import CHANNELS, INDEX, Pose, settled
from models.tts.types import Phone

__all__ = ["LEAD_S", "MouthTrack"]

LEAD_S = 0.04  # how far the mouth is ahead of its sound
KEPT_S = 2.0  # how long what was said is remembered
MOST_PHONES = 4096  # a minute of the fastest talk is 1500

_STRENGTH = {"sil": 0.9, "PP": 1.0, "FF": 1.0, "TH": 0.7, "DD": 0.45, "kk": 0.3, "CH": 0.9, "SS": 0.75, "nn": 0.4}
_STRENGTH |= {"RR": 0.7, "aa": 1.1, "E": 1.0, "ih": 0.95, "oh": 1.15, "ou": 1.2}
_BEFORE_S = {"ou": 0.13, "oh": 0.12, "CH": 0.10, "RR": 0.10}  # how early a sound shows, the rest 80 ms
_AFTER_S = 0.06
_TOUCHING = {"PP": 1.0, "FF": 0.9}  # and how fully
_TOUCH_RAMP_S = 0.055
_HOLD_S = 0.03  # a closure is seen at least so long, or a picture at 30 Hz would miss it


@dataclass(frozen=True, slots=True)
class _Target:
    """One viseme: where it is held, and its mouth."""

    start_s: float
    end_s: float
    viseme: str
    pose: Pose

    def dominance(self, at_s: float) -> float:
        early, late = self.start_s - at_s, at_s - self.end_s
        away = max(0.0, early / _BEFORE_S.get(self.viseme, 0.08), late / _AFTER_S)
        return _STRENGTH[self.viseme] * float(np.exp(-(away**2)))

    def touch(self, at_s: float) -> float:
        """How far a closure is made, 0…1: whole while it is held, with a ramp before and after."""
        spare = max(0.0, _HOLD_S - (self.end_s - self.start_s)) / 2
        away = max(0.0, self.start_s - spare - at_s, at_s - self.end_s - spare) / _TOUCH_RAMP_S
        return _TOUCHING.get(self.viseme, 0.0) * float(0.5 + 0.5 * np.cos(np.pi * min(1.0, away)))


def _targets(phone: Phone) -> list[_Target]:
    """Where in a phone its visemes are held: one in the middle three fifths, two near both ends."""
    names, span = phone_visemes(phone.name), phone.end_s - phone.start_s
    places = ((0.2, 0.8),) if len(names) == 1 else ((0.15, 0.4), (0.75, 0.95))
    if not phone.name or names[0] in _TOUCHING:
        places = ((0.0, 1.0),)
    return [
        _Target(phone.start_s + a * span, phone.start_s + b * span, name, phone_pose(phone.name, part))
        for part, (name, (a, b)) in enumerate(zip(names, places, strict=True))
    ]


class MouthTrack:
    """The mouth of somebody whose phones become known as they speak, clause by clause.

    Times are those of the sound on the media clock; `at` is to be asked in the order of time, give or take `KEPT_S`.
    """

    def __init__(self) -> None:
        self._targets: deque[_Target] = deque(maxlen=2 * MOST_PHONES)
        self._end_s = -np.inf

    @property
    def end_s(self) -> float:
        """Until when it is known what is said."""
        return float(self._end_s)

    def extend(self, phones: Sequence[Phone], *, offset_s: float = 0.0) -> None:
        """More phones, `offset_s` after the times that they carry.

        Raises:
            ValueError: they do not follow one another, start before what is known, or are no phones.
        """
        for phone in phones:
            start_s, end_s = phone.start_s + offset_s, phone.end_s + offset_s
            if not self._end_s - 0.005 <= start_s <= end_s:
                raise ValueError(f"{phone} at {offset_s:g} s does not follow what ends at {self._end_s:g} s")
            self._targets.extend(_targets(Phone(phone.name, start_s, end_s)))
            self._end_s = end_s

    def cut(self, at_s: float) -> None:
        """They are interrupted: nothing after `at_s` is said, and the mouth closes."""
        kept = [target for target in self._targets if target.start_s < at_s]
        self._targets = deque(kept, maxlen=self._targets.maxlen)
        self._end_s = min(self._end_s, at_s)

    def at(self, at_s: float) -> Pose:
        """The mouth to be shown with the sound of `at_s`; at rest where nobody speaks."""
        now = at_s + LEAD_S
        while self._targets and self._targets[0].end_s < now - KEPT_S:
            self._targets.popleft()
        near = [target for target in islice(self._targets, 64) if abs(target.start_s - now) < KEPT_S]
        total, pose = _REST_STRENGTH, np.zeros(len(CHANNELS), np.float32)
        for target in near:
            weight = target.dominance(now)
            total, pose = total + weight, pose + np.float32(weight) * target.pose
        return settled(_touched(pose / np.float32(total), near, now))


_REST_STRENGTH = 0.06


def _touched(pose: Pose, near: Sequence[_Target], now: float) -> Pose:
    """Closures made, whatever the neighbours want."""
    for target in near:
        touch = np.float32(target.touch(now))
        if touch > 0:
            closed = viseme_pose(target.viseme)
            for rounded in ("mouthPucker", "mouthFunnel"):  # lips that are pushed forward stay so: "boo", "pool"
                closed[INDEX[rounded]] = 0.6 * pose[INDEX[rounded]]
            pose = pose + touch * (closed - pose)
    return pose

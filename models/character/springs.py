"""What hangs swings: damped springs that follow the head and overshoot, stepped on the media clock.

The same poses at the same times give the same swing, whatever the frame rate; a jump in time starts from rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.character.act import Swing

__all__ = ["Hanging"]

STEP_S = 1 / 240
FAR_S = 0.5  # a pause or a seek, not a movement


@dataclass(slots=True)
class _Spring:
    """Follows a place in the plane; `lag` is how far it is behind, limited to `most`."""

    hertz: float
    damping: float
    most: float
    at: NDArray[np.float64]
    speed: NDArray[np.float64]

    def step(self, target: NDArray[np.float64]) -> None:
        pull = (2 * np.pi * self.hertz) ** 2 * (target - self.at) - 4 * np.pi * self.hertz * self.damping * self.speed
        self.speed = self.speed + STEP_S * pull
        self.at = self.at + STEP_S * self.speed

    def lag(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        behind = self.at - target
        length = float(np.hypot(*behind))
        return np.asarray(behind * (self.most * np.tanh(length / self.most) / length if length > 1e-9 else 0.0))


class Hanging:
    """The springs of one character."""

    def __init__(self) -> None:
        self._springs = [_spring(2.6, 0.28, 14.0), _spring(1.5, 0.20, 26.0), _spring(5.0, 0.35, 2.2)]
        self._at_s: float | None = None
        self._last = [np.zeros(2)] * 3

    def follow(self, *, head: NDArray[np.float64], gaze: NDArray[np.float64], at_s: float) -> Swing:
        """How far all lags when the crown is at `head` `[2]` and the eyes look at `gaze` `[2]`, in units."""
        targets = [head, head, gaze]
        if self._at_s is None or not 0 <= at_s - self._at_s <= FAR_S:
            for spring, target in zip(self._springs, targets, strict=True):
                spring.at, spring.speed = target.copy(), np.zeros(2)
        else:
            self._advance(targets, at_s)
        self._at_s, self._last = at_s, targets
        fringe, lengths, iris = (spring.lag(to) for spring, to in zip(self._springs, targets, strict=True))
        return Swing(fringe=fringe, lengths=lengths, iris=iris)

    def _advance(self, targets: list[NDArray[np.float64]], at_s: float) -> None:
        assert self._at_s is not None
        steps = round(at_s / STEP_S) - round(self._at_s / STEP_S)
        for number in range(steps):
            share = (number + 1) / steps
            for spring, last, target in zip(self._springs, self._last, targets, strict=True):
                spring.step(last + share * (target - last))


def _spring(hertz: float, damping: float, most: float) -> _Spring:
    return _Spring(hertz, damping, most, np.zeros(2), np.zeros(2))

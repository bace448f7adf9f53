"""One moment of the character: the look, the pose, the turn of the head and how far what hangs has swung.

What every part (eyes, mouth, hair …) is given to draw itself from. Knows nothing of how any of them looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.character.look import Look
from models.character.turn import Turn
from models.rig import INDEX, Pose

__all__ = ["Act", "Swing"]


@dataclass(frozen=True, slots=True)
class Swing:
    """How far the tips of what hangs are from where they rest, in units `[2]`; `iris`: how far highlights lag."""

    fringe: NDArray[np.float64]
    lengths: NDArray[np.float64]
    iris: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Act:
    """`pose` is settled; `turn` is that of the head."""

    look: Look
    pose: Pose
    turn: Turn
    swing: Swing

    def __getitem__(self, channel: str) -> float:
        return float(self.pose[INDEX[channel]])

    def both(self, name: str) -> float:
        """The mean of a channel's two sides."""
        return (self[f"{name}Left"] + self[f"{name}Right"]) / 2

    def side(self, name: str, side: int) -> float:
        """A channel on one side: 1 is the character's left, which is our right."""
        return self[f"{name}{'Left' if side > 0 else 'Right'}"]

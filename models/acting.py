"""The anchor as an actor: mouth, feelings and life put together into the pose of a moment.

Whoever speaks for them gives the mouth: `MouthTrack` from phones, a network from a voice. Knows no renderer.
"""

from __future__ import annotations

from models.feelings import Feelings
from models.life import Life
from models.rig import Pose, combined

__all__ = ["Actor"]


class Actor:
    """One person: the same seed, feelings and mouth give the same poses."""

    def __init__(self, seed: int = 0, *, emotion: str = "neutral", liveliness: float = 1.0) -> None:
        self.feelings = Feelings(emotion)
        self.life = Life(seed, liveliness=liveliness)

    def pose(self, at_s: float, mouth: Pose) -> Pose:
        """What is seen at `at_s` on the media clock, settled."""
        return combined(mouth, face=self.feelings.at(at_s), life=self.life.at(at_s))

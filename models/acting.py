"""The anchor as an actor: mouth, feelings and life put together into the pose of a moment.

Whoever speaks for them gives the mouth: `MouthTrack` from phones, a network from a voice. Knows no renderer.
"""

from __future__ import annotations

import numpy as np

from models.feelings import Feelings
from models.life import Life
from models.rig import CHANNELS, INDEX, Pose, combined

__all__ = ["Actor", "mouth_of_level"]

SILENT_DB, LOUD_DB = -30.0, 0.0  # relative to loud speech


class Actor:
    """One person: the same seed, feelings and mouth give the same poses."""

    def __init__(self, seed: int = 0, *, emotion: str = "neutral", liveliness: float = 1.0) -> None:
        self.feelings = Feelings(emotion)
        self.life = Life(seed, liveliness=liveliness)

    def pose(self, at_s: float, mouth: Pose) -> Pose:
        """What is seen at `at_s` on the media clock, settled."""
        return combined(mouth, face=self.feelings.at(at_s), life=self.life.at(at_s))


def mouth_of_level(level_db: float, *, loud_db: float, bright: float = 0.5) -> Pose:
    """A mouth driven by loudness alone, for want of anything better; `bright` 0…1 is wide for i, narrow for u."""
    open_ = float(np.clip((level_db - loud_db - SILENT_DB) / (LOUD_DB - SILENT_DB), 0, 1)) ** 1.5
    pose = np.zeros(len(CHANNELS), np.float32)
    pose[INDEX["jawOpen"]] = 0.55 * open_
    for name, size in (("mouthLowerDown", 0.25), ("mouthUpperUp", 0.12), ("mouthStretch", 0.4 * max(0, bright - 0.5))):
        pose[INDEX[f"{name}Left"]] = pose[INDEX[f"{name}Right"]] = size * min(1.0, 3 * open_)
    pose[INDEX["mouthPucker"]] = 0.8 * max(0.0, 0.5 - bright) * min(1.0, 3 * open_)
    return pose

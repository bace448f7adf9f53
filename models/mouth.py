"""The part of the rig that speech moves: its channels, what a network says of them as a pose, and two measures of it.

Knows neither sound nor network, and needs no torch: what draws uses it too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.rig import CHANNELS, INDEX, Pose

__all__ = ["MOUTH", "mouth_pose"]

# The rig's channels that sound moves; of a pair both sides are the same.
MOUTH: tuple[str, ...] = (
    *("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthSmileLeft", "mouthRollLower"),
    *("mouthRollUpper", "mouthPressLeft", "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthShrugLower", "tongueOut"),
)
_PLACES = [INDEX[name] for name in MOUTH]
_OTHER_SIDE = [(INDEX[name], INDEX[name[:-4] + "Right"]) for name in MOUTH if name.endswith("Left")]


def mouth_pose(mouth: NDArray[np.float32]) -> Pose:
    """Values of `MOUTH` `[13]` as a pose of the rig, both sides alike, all else at rest."""
    pose = np.zeros(len(CHANNELS), np.float32)
    pose[_PLACES] = mouth
    for left, right in _OTHER_SIDE:
        pose[right] = pose[left]
    return pose

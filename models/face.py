"""A tracked face as a pose of the rig: named shapes and the head's matrix, as MediaPipe's Face Landmarker gives them.

Pure numbers; knows no camera and no tracker. Source: MediaPipe, "Face landmark detection guide" (51 of ARKit's shapes
by name, and a 4 × 4 matrix from a face that looks into the camera; x to the picture's right, y up, z to the viewer).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import asin, atan2, degrees

import numpy as np
from numpy.typing import NDArray

from models.rig import ANGLES, CHANNELS, HIGHEST, INDEX, LOWEST, Pose, settled

__all__ = ["pose_of_face"]


def pose_of_face(shapes: Mapping[str, float], matrix: NDArray[np.float64] | None = None) -> Pose:
    """`shapes` by ARKit's names, others ignored; `matrix` `[4, 4]`: None where the head's turn is not known.

    Raises:
        ValueError: a shape or the matrix is not finite, or the matrix is no turn.
    """
    pose = np.zeros(len(CHANNELS), np.float32)
    for name, value in shapes.items():
        if name in INDEX and name not in ANGLES:
            pose[INDEX[name]] = value
    _look(pose)
    if matrix is not None:
        _turn(pose, np.asarray(matrix, np.float64))
    if not np.isfinite(pose).all():
        raise ValueError("a tracked face with values that are no numbers")
    return settled(np.clip(pose, LOWEST, HIGHEST))


def _look(pose: Pose) -> None:
    """The turns of the eyes that the shapes of the lids tell."""
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        up, down, out, inward = (float(pose[INDEX[f"eyeLook{way}{side}"]]) for way in ("Up", "Down", "Out", "In"))
        eye = f"{side.lower()}Eye"
        pose[INDEX[f"{eye}Pitch"]] = (up - down) * ANGLES[f"{eye}Pitch"]
        pose[INDEX[f"{eye}Yaw"]] = outward * (out - inward) * ANGLES[f"{eye}Yaw"]


def _turn(pose: Pose, matrix: NDArray[np.float64]) -> None:
    """Where the face points, and how its crown leans: the picture's right is their own left."""
    turn = matrix[:3, :3] / np.cbrt(max(1e-9, float(np.linalg.det(matrix[:3, :3]))))
    if not np.allclose(turn @ turn.T, np.eye(3), atol=0.05):
        raise ValueError("a tracked head whose matrix is no turn")
    ahead, crown = turn[:, 2], turn[:, 1]
    pose[INDEX["headPitch"]] = degrees(asin(float(np.clip(ahead[1], -1, 1))))
    pose[INDEX["headYaw"]] = degrees(atan2(ahead[0], ahead[2]))
    pose[INDEX["headRoll"]] = degrees(atan2(crown[0], crown[1]))

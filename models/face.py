"""A tracked face as a pose of the rig, or a portrait's points: from what MediaPipe's Face Landmarker gives.

Named shapes and the head's matrix make a pose, landmarks make points. Pure numbers; knows no camera and no tracker.

Source: MediaPipe, "Face landmark detection guide" (51 of ARKit's shapes by name, a 4 × 4 matrix from a face that looks
into the camera, x to the picture's right, y up, z to the viewer, and the numbers of the face mesh).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import asin, atan2, degrees

import numpy as np
from numpy.typing import NDArray

from models.rig import ANGLES, CHANNELS, HIGHEST, INDEX, LOWEST, Pose, settled

__all__ = ["points_of_face", "pose_of_face"]

OPEN_EYES, SHUT_EYES = 0.15, 0.7

# Numbers of the face mesh; left and right are those of the picture. Where there are two, the middle between them.
_LANDMARKS: Mapping[str, tuple[int, ...]] = {
    **{"forehead": (10,), "chin": (152,), "face left": (234,), "face right": (454,)},
    **{"mouth left": (61,), "mouth right": (291,), "mouth middle": (13, 14)},
    **{"left eye left": (33,), "left eye right": (133,), "left eye top": (159,), "left eye bottom": (145,)},
    **{"right eye left": (362,), "right eye right": (263,), "right eye top": (386,), "right eye bottom": (374,)},
}


def pose_of_face(shapes: Mapping[str, float], matrix: NDArray[np.float64] | None = None) -> Pose:
    """`shapes` by ARKit's names, others ignored; `matrix` `[4, 4]`: None where the head's turn is not known.

    Raises:
        ValueError: a shape or the matrix is not finite, or the matrix is no turn.
    """
    pose = np.zeros(len(CHANNELS), np.float32)
    for name, value in shapes.items():
        if name in INDEX and name not in ANGLES:
            pose[INDEX[name]] = value
    _open(pose)
    _look(pose)
    if matrix is not None:
        _turn(pose, np.asarray(matrix, np.float64))
    if not np.isfinite(pose).all():
        raise ValueError("a tracked face with values that are no numbers")
    return settled(np.clip(pose, LOWEST, HIGHEST))


def points_of_face(landmarks: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Points `[2]` by the names of `models.portrait.points`, of landmarks `[N, 2]`, in their unit."""
    return {name: landmarks[list(numbers)].mean(0) for name, numbers in _LANDMARKS.items()}


def _open(pose: Pose) -> None:
    """Open eyes are told as a little shut, and shut ones hardly ever as wholly."""
    for name in ("eyeBlinkLeft", "eyeBlinkRight"):
        pose[INDEX[name]] = (pose[INDEX[name]] - OPEN_EYES) / (SHUT_EYES - OPEN_EYES)


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

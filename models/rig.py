"""The rig: the one language between what moves an anchor (drivers) and what shows it (renderers).

A pose is a row of numbers: ARKit's 52 blendshapes (0 to 1), the turn of the head and of each eye (degrees), and two
of the body. Here are their names, ranges and blending rules; the mouth's shapes for the 15 Oculus visemes and the
face's for five emotions are in `models/faces.py`. Knows nothing of time, sound or pictures.

Left and right are the character's own, as in ARKit. Pitch is positive upwards, yaw positive to their own left (our
right), roll positive to their own left shoulder (our right).

Source of the names: Apple, ARKit, `ARFaceAnchor.BlendShapeLocation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANGLES", "BLENDSHAPES", "BODY", "CHANNELS", "HIGHEST", "INDEX", "LOWEST", "Pose"]
__all__ += ["aperture", "blended", "combined", "gazing", "posed", "settled", "to_blendshapes"]

Pose = NDArray[np.float32]
"""`[61]`: a value for each of `CHANNELS`, in that order; several in time are `[T, 61]`."""

BLENDSHAPES: tuple[str, ...] = (
    *("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft"),
    *("eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight"),
    *("eyeSquintRight", "eyeWideRight", "jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel"),
    *("mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft"),
    *("mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft"),
    *("browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft"),
    *("cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)
ANGLES: Mapping[str, float] = {  # how far each goes both ways, in degrees
    "headPitch": 30.0,
    "headYaw": 45.0,
    "headRoll": 30.0,
    "leftEyePitch": 25.0,
    "leftEyeYaw": 35.0,
    "rightEyePitch": 25.0,
    "rightEyeYaw": 35.0,
}
BODY: Mapping[str, tuple[float, float]] = {
    "breath": (0.0, 1.0),  # empty to full: shoulders and chest rise
    "lean": (-1.0, 1.0),  # of the upper body, to their own right … left
}
CHANNELS: tuple[str, ...] = (*BLENDSHAPES, *ANGLES, *BODY)
INDEX: Mapping[str, int] = {name: place for place, name in enumerate(CHANNELS)}

_RANGES = [
    *((0.0, 1.0) for _ in BLENDSHAPES),
    *((-widest, widest) for widest in ANGLES.values()),
    *BODY.values(),
]
LOWEST: Pose = np.array([low for low, _ in _RANGES], np.float32)
HIGHEST: Pose = np.array([high for _, high in _RANGES], np.float32)

# What pulls the lips the two ways; of each pair only the stronger is seen, by how much it is stronger.
_OPPOSED = (
    *((f"mouthSmile{side}", f"mouthFrown{side}") for side in ("Left", "Right")),
    *((f"eyeWide{side}", f"eyeSquint{side}") for side in ("Left", "Right")),
    *((f"browDown{side}", f"browOuterUp{side}") for side in ("Left", "Right")),
    ("mouthLeft", "mouthRight"),
    ("jawLeft", "jawRight"),
)
_PRESS = tuple(INDEX[f"mouthPress{side}"] for side in ("Left", "Right"))
_ROLL = tuple(INDEX[f"mouthRoll{which}"] for which in ("Lower", "Upper"))
_SPREAD = tuple(
    INDEX[name]
    for name in ("mouthFunnel", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")
)
_JAW, _CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]
_MOUTH = tuple(
    place for name, place in INDEX.items() if name.startswith(("mouth", "jaw", "tongue")) or name == "cheekPuff"
)
_SMILING = tuple(INDEX[f"mouth{what}{side}"] for what in ("Smile", "Frown", "Dimple") for side in ("Left", "Right"))
_SEALED_AT = 0.6  # press and roll of both lips together, from where they are shut whatever the jaw does


def posed(values: Mapping[str, float]) -> Pose:
    """A pose of the named channels, all else at rest; `*` at the end of a name means both sides.

    Raises:
        ValueError: there is no such channel, or the value is out of its range.
    """
    pose = np.zeros(len(CHANNELS), np.float32)
    for name, value in values.items():
        for one in _sides(name):
            if one not in INDEX:
                near = get_close_matches(one, CHANNELS, 1)
                raise ValueError(f"the rig has no {one!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
            place = INDEX[one]
            if not LOWEST[place] <= value <= HIGHEST[place]:
                raise ValueError(f"{one} = {value}: it goes from {LOWEST[place]:g} to {HIGHEST[place]:g}")
            pose[place] = value
    return pose


def _sides(name: str) -> Iterable[str]:
    return (f"{name[:-1]}Left", f"{name[:-1]}Right") if name.endswith("*") else (name,)


def blended(poses: Sequence[Pose], weights: Sequence[float]) -> Pose:
    """The weighted sum; weights need not add up to 1. What comes out is not yet `settled`."""
    return np.asarray(np.asarray(weights, np.float32) @ np.stack(poses), np.float32)


def combined(mouth: Pose, *, face: Pose, life: Pose) -> Pose:
    """What is seen of a person who speaks (`mouth`), feels (`face`) and lives (`life`: blinks, turns, breath).

    Speech owns the jaw and the seal of the lips: of the emotion the corners of the mouth stay, at 60 % while lips are
    busy; its open jaw shows only as far as the lips are idle.
    """
    busy = np.float32(min(1.0, 2.0 * float(np.abs(mouth[list(_MOUTH)]).max(initial=0.0))))
    kept = face.copy()
    kept[list(_MOUTH)] *= 1 - busy
    kept[list(_SMILING)] = face[list(_SMILING)] * (1 - 0.4 * busy)
    return settled(mouth + kept + life)


def settled(pose: Pose) -> Pose:
    """The nearest pose that a face can make: in range, opposites cancelled, no shut lips over an open mouth."""
    out = np.clip(pose, LOWEST, HIGHEST)
    for one, other in _OPPOSED:
        both = min(out[INDEX[one]], out[INDEX[other]])
        out[INDEX[one]] -= both
        out[INDEX[other]] -= both
    for side in ("Left", "Right"):
        out[INDEX[f"eyeWide{side}"]] *= 1 - out[INDEX[f"eyeBlink{side}"]]
        out[INDEX[f"mouthStretch{side}"]] *= 1 - out[INDEX["mouthPucker"]]
    out[_CLOSE] = min(out[_CLOSE], out[_JAW])
    shut = min(1.0, float(out[list(_PRESS)].mean() + out[list(_ROLL)].min()) / _SEALED_AT)
    out[_CLOSE] = max(out[_CLOSE], shut * out[_JAW])
    out[list(_SPREAD)] *= 1 - shut
    return out


def aperture(pose: Pose) -> float:
    """How far the lips are apart, 0 to about 1, by the rig's own rules: the same for every renderer and measure."""
    spread = float(pose[list(_SPREAD[1:])].mean()) + 0.25 * float(pose[INDEX["mouthFunnel"]])
    return max(0.0, float(pose[_JAW] - pose[_CLOSE]) + 0.3 * spread)


def gazing(pitch: float, yaw: float) -> Pose:
    """Both eyes turned by `pitch` and `yaw` degrees, as angles and as ARKit's eight shapes; upper lids go along."""
    pose = np.zeros(len(CHANNELS), np.float32)
    for side, outward in (("Left", 1.0), ("Right", -1.0)):
        pose[INDEX[f"{side.lower()}EyePitch"]], pose[INDEX[f"{side.lower()}EyeYaw"]] = pitch, yaw
        pose[INDEX[f"eyeLookUp{side}"]] = max(0.0, pitch) / ANGLES["leftEyePitch"]
        pose[INDEX[f"eyeLookDown{side}"]] = max(0.0, -pitch) / ANGLES["leftEyePitch"]
        pose[INDEX[f"eyeLookOut{side}"]] = max(0.0, outward * yaw) / ANGLES["leftEyeYaw"]
        pose[INDEX[f"eyeLookIn{side}"]] = max(0.0, -outward * yaw) / ANGLES["leftEyeYaw"]
    return np.clip(pose, LOWEST, HIGHEST)


def to_blendshapes(pose: Pose) -> dict[str, float]:
    """ARKit's names and values alone, as other tools take them."""
    return {name: float(pose[place]) for place, name in enumerate(BLENDSHAPES)}

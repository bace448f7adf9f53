"""The rig as VRM avatars take it: names of expressions, and turns of bones. Pure numbers; no network.

VRM's standard avatars have five mouths, blinks and four feelings; those made for "perfect sync" have ARKit's 52 shapes
under ARKit's names with a capital. Bones turn in Unity's left-handed space: x to the avatar's right, y up, z ahead.

Sources: VRM 0.x specification (blend shape presets); VMC protocol, "Marionette" (protocol.vmc.info).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import cos, radians, sin

import numpy as np

from models.faces import EMOTIONS, emotion_pose, viseme_pose
from models.mouth import MOUTH
from models.rig import BLENDSHAPES, INDEX, Pose, aperture

__all__ = ["Quaternion", "bones", "perfect_sync", "vrm_expressions"]

Quaternion = tuple[float, float, float, float]
"""x, y, z, w."""

_MOUTHS: Mapping[str, str] = {"A": "aa", "I": "ih", "U": "ou", "E": "E", "O": "oh"}
_FEELINGS: Mapping[str, str] = {"Joy": "happy", "Angry": "angry", "Sorrow": "sad", "Surprised": "surprised"}
_PLACES = [INDEX[name] for name in MOUTH]
_UPPER = [INDEX[name] for name in BLENDSHAPES if name.startswith(("brow", "cheekSquint", "noseSneer", "mouthSmile"))]
_UPPER += [INDEX[name] for name in BLENDSHAPES if name.startswith(("eyeWide", "mouthFrown"))]
_TO_MOUTHS = np.linalg.pinv(np.stack([viseme_pose(viseme)[_PLACES] for viseme in _MOUTHS.values()], 1))
_FACES = {name: emotion_pose(emotion)[_UPPER] for name, emotion in _FEELINGS.items()}
APART = 0.12  # lips less far apart than this are on their way to shut, which VRM has no name for
_NECK = 0.4  # of a turn of the head; the head has the rest

assert set(_FEELINGS.values()) <= set(EMOTIONS)


def perfect_sync(pose: Pose) -> dict[str, float]:
    """ARKit's shapes under the names that perfect-sync avatars have: `JawOpen`, `EyeBlinkLeft` …"""
    return {name[0].upper() + name[1:]: float(pose[place]) for place, name in enumerate(BLENDSHAPES)}


def vrm_expressions(pose: Pose) -> dict[str, float]:
    """VRM's presets: mouths that add up to 1 at most, blinks of both and of each eye, and what is felt."""
    apart = min(1.0, aperture(pose) / APART)
    found = np.clip(_TO_MOUTHS @ pose[_PLACES], 0, 1) * apart
    found = found / max(1.0, float(found.sum()))
    values = dict(zip(_MOUTHS, found.tolist(), strict=True))
    left, right = float(pose[INDEX["eyeBlinkLeft"]]), float(pose[INDEX["eyeBlinkRight"]])
    both = min(left, right)
    values |= {"Blink": both, "Blink_L": left - both, "Blink_R": right - both}
    return values | {name: _likeness(pose[_UPPER], face) for name, face in _FACES.items()}


def _likeness(shown: Pose, face: Pose) -> float:
    """How much of a feeling's face is shown, 0…1, where it is that feeling rather than another."""
    size = float(shown @ face) / float(face @ face)
    alike = float(shown @ face) / max(1e-6, float(np.linalg.norm(shown) * np.linalg.norm(face)))
    return float(np.clip(size, 0, 1)) if alike > 0.7 else 0.0


def bones(pose: Pose) -> dict[str, Quaternion]:
    """Turns of the neck, the head and the eyes against their parents."""
    pitch, yaw, roll = (float(pose[INDEX[name]]) for name in ("headPitch", "headYaw", "headRoll"))
    turned = {
        "Neck": _turn(_NECK * pitch, _NECK * yaw, _NECK * roll),
        "Head": _turn((1 - _NECK) * pitch, (1 - _NECK) * yaw, (1 - _NECK) * roll),
    }
    for side in ("Left", "Right"):
        up, out = (float(pose[INDEX[f"{side.lower()}Eye{axis}"]]) for axis in ("Pitch", "Yaw"))
        turned[f"{side}Eye"] = _turn(up, out, 0.0)
    return turned


def _turn(pitch: float, yaw: float, roll: float) -> Quaternion:
    """Degrees as the rig has them: up, to their own left, to their own left shoulder; Unity's order of axes."""
    about_x = (sin(radians(-pitch) / 2), 0.0, 0.0, cos(radians(-pitch) / 2))
    about_y = (0.0, sin(radians(-yaw) / 2), 0.0, cos(radians(-yaw) / 2))
    about_z = (0.0, 0.0, sin(radians(roll) / 2), cos(radians(roll) / 2))
    return _product([about_y, about_x, about_z])


def _product(turns: Iterable[Quaternion]) -> Quaternion:
    x, y, z, w = 0.0, 0.0, 0.0, 1.0
    for a, b, c, d in turns:
        x, y, z, w = (
            w * a + x * d + y * c - z * b,
            w * b - x * c + y * d + z * a,
            w * c + x * b - y * a + z * d,
            w * d - x * a - y * b - z * c,
        )
    return x, y, z, w

"""What a face does for each sound and feeling: the 15 Oculus visemes and five emotions as poses, phones to visemes.

The mouth's shapes follow articulatory phonetics: what the lips, the jaw and the tongue's tip must do for a sound to be
that sound, seen from in front, at the effort of lively talk. Knows nothing of time: who speaks when is a driver's task.

Sources: Oculus/Meta Lipsync, "Viseme Reference" (names, and which sounds each stands for); ARPAbet as in CMUdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from models.rig import Pose, posed

__all__ = ["EMOTIONS", "PHONE_VISEMES", "VISEMES", "emotion_pose", "phone_pose", "phone_visemes", "viseme_pose"]

_VISEMES: Mapping[str, Mapping[str, float]] = {
    "sil": {},
    # lips shut: the jaw may hang a little, the lips bridge it
    "PP": {"jawOpen": 0.06, "mouthClose": 0.06, "mouthPress*": 0.5, "mouthRollLower": 0.3, "mouthRollUpper": 0.25},
    # the lower lip under the upper teeth
    "FF": {"jawOpen": 0.09, "mouthRollLower": 0.5, "mouthUpperUp*": 0.3, "mouthShrugLower": 0.3, "mouthStretch*": 0.1},
    "TH": {"jawOpen": 0.2, "tongueOut": 0.4, "mouthLowerDown*": 0.25, "mouthUpperUp*": 0.12},
    "DD": {"jawOpen": 0.17, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.12, "mouthStretch*": 0.1},
    "kk": {"jawOpen": 0.24, "mouthLowerDown*": 0.22, "mouthUpperUp*": 0.1},
    "CH": {"jawOpen": 0.14, "mouthFunnel": 0.6, "mouthPucker": 0.3, "mouthLowerDown*": 0.25, "mouthUpperUp*": 0.2},
    # teeth together and bare
    "SS": {"jawOpen": 0.09, "mouthStretch*": 0.35, "mouthLowerDown*": 0.4, "mouthUpperUp*": 0.2, "mouthSmile*": 0.1},
    "nn": {"jawOpen": 0.2, "tongueOut": 0.15, "mouthLowerDown*": 0.18, "mouthUpperUp*": 0.1},
    "RR": {"jawOpen": 0.18, "mouthFunnel": 0.45, "mouthPucker": 0.35, "mouthLowerDown*": 0.12},
    "aa": {"jawOpen": 0.68, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.15, "mouthStretch*": 0.08},
    "E": {"jawOpen": 0.4, "mouthStretch*": 0.3, "mouthSmile*": 0.18, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.15},
    "ih": {"jawOpen": 0.22, "mouthStretch*": 0.4, "mouthSmile*": 0.25, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.12},
    "oh": {"jawOpen": 0.48, "mouthFunnel": 0.6, "mouthPucker": 0.3},
    "ou": {"jawOpen": 0.2, "mouthPucker": 0.85, "mouthFunnel": 0.35},
}
VISEMES: tuple[str, ...] = tuple(_VISEMES)

PHONE_VISEMES: Mapping[str, tuple[str, ...]] = {
    # vowels; a diphthong moves from one shape to another
    "AA": ("aa",),
    "AE": ("E",),
    "AH": ("E",),
    "AO": ("oh",),
    "AW": ("aa", "ou"),
    "AY": ("aa", "ih"),
    "EH": ("E",),
    "ER": ("RR",),
    "EY": ("E", "ih"),
    "IH": ("ih",),
    "IY": ("ih",),
    "OW": ("oh", "ou"),
    "OY": ("oh", "ih"),
    "UH": ("ou",),
    "UW": ("ou",),
    # consonants
    "B": ("PP",),
    "CH": ("CH",),
    "D": ("DD",),
    "DH": ("TH",),
    "F": ("FF",),
    "G": ("kk",),
    "HH": ("kk",),
    "JH": ("CH",),
    "K": ("kk",),
    "L": ("nn",),
    "M": ("PP",),
    "N": ("nn",),
    "NG": ("kk",),
    "P": ("PP",),
    "R": ("RR",),
    "S": ("SS",),
    "SH": ("CH",),
    "T": ("DD",),
    "TH": ("TH",),
    "V": ("FF",),
    "W": ("ou",),
    "Y": ("ih",),
    "Z": ("SS",),
    "ZH": ("CH",),
}
_VISEME_POSES: Mapping[str, Pose] = {name: posed(values) for name, values in _VISEMES.items()}

# How much less the jaw falls for these than for their viseme's plain vowel, as a factor on all of the shape.
_EFFORT: Mapping[str, float] = {"AH": 0.75, "IH": 0.85, "UH": 0.7, "ER": 0.9, "HH": 0.6, "L": 0.95, "AE": 1.25}

_EMOTIONS: Mapping[str, Mapping[str, float]] = {
    "neutral": {"mouthSmile*": 0.25, "browInnerUp": 0.12, "cheekSquint*": 0.05},
    "happy": {
        **{"mouthSmile*": 0.85, "cheekSquint*": 0.7, "eyeSquint*": 0.3, "browOuterUp*": 0.25, "browInnerUp": 0.15},
        **{"mouthDimple*": 0.3, "mouthUpperUp*": 0.12, "jawOpen": 0.06, "headRoll": 3.0, "headPitch": 1.5},
    },
    "sad": {
        **{"mouthFrown*": 0.6, "browInnerUp": 0.85, "browDown*": 0.12, "eyeSquint*": 0.15, "eyeLookDown*": 0.2},
        **{"mouthShrugLower": 0.35, "headPitch": -7.0, "headRoll": -3.0, "eyeBlink*": 0.22},
    },
    "surprised": {
        **{"eyeWide*": 0.85, "browInnerUp": 0.75, "browOuterUp*": 0.85, "jawOpen": 0.3, "mouthFunnel": 0.3},
        **{"headPitch": 2.5},
    },
    "angry": {
        **{"browDown*": 0.9, "eyeSquint*": 0.35, "noseSneer*": 0.5, "mouthFrown*": 0.4, "mouthPress*": 0.2},
        **{"headPitch": -3.5},
    },
}
EMOTIONS: tuple[str, ...] = tuple(_EMOTIONS)


def viseme_pose(name: str) -> Pose:
    """The mouth at the height of a viseme. Raises ValueError for one that is not among `VISEMES`."""
    _known(name, VISEMES, "viseme")
    return _VISEME_POSES[name].copy()


def phone_visemes(phone: str) -> tuple[str, ...]:
    """The visemes that an ARPAbet phone passes through, stress ignored; "" is silence.

    Raises:
        ValueError: it is none of the 39.
    """
    bare = phone.rstrip("012")
    if not bare:
        return ("sil",)
    _known(bare, tuple(PHONE_VISEMES), "phone")
    return PHONE_VISEMES[bare]


def phone_pose(phone: str, part: int = 0) -> Pose:
    """The mouth at the height of the `part`th viseme of a phone; an unstressed vowel moves it less."""
    shape = _VISEME_POSES[phone_visemes(phone)[part]]
    effort = _EFFORT.get(phone.rstrip("012"), 1.0) * (0.8 if phone.endswith("0") else 1.0)
    return shape * shape.dtype.type(effort)


def emotion_pose(name: str) -> Pose:
    """The face that feels `name`. Raises ValueError, naming the five, for any other."""
    _known(name, EMOTIONS, "emotion")
    return posed(_EMOTIONS[name])


def _known(name: str, names: Sequence[str], what: str) -> None:
    if name not in names:
        near = get_close_matches(name, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"there is no {what} {name!r}{hint} There are: {', '.join(names)}")

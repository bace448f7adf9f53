"""What the anchor feels and when: emotions set live or by markers in a text ("[happy] Hello!"), blended over time.

Knows the emotions of `models/faces.py`; not what the text says beside its markers.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from models.faces import EMOTIONS, emotion_pose
from models.rig import Pose

__all__ = ["Feelings", "Marker", "parted", "unmarked"]

FADE_S = 0.4
MOST = 64  # changes known ahead; the next one pushes out the oldest
_MARKER = re.compile(r"\[([A-Za-z]{2,20})\][ \t]*")
_BEGUN = re.compile(r"\[[A-Za-z]{0,20}$")


@dataclass(frozen=True, slots=True)
class Marker:
    """From the character `at` of the text without markers, `emotion`."""

    at: int
    emotion: str


def unmarked(text: str) -> tuple[str, tuple[Marker, ...]]:
    """The text as it is to be spoken, and its markers. Brackets around other words are text.

    Raises:
        ValueError: a marker is nearly an emotion, such as [hapy].
    """
    spoken, markers, read = "", [], 0
    for found in _MARKER.finditer(text):
        name = found[1].lower()
        if name not in EMOTIONS:
            if near := get_close_matches(name, EMOTIONS, 1, 0.75):
                raise ValueError(f"[{found[1]}] is no emotion; did you mean [{near[0]}]?")
            continue
        spoken += text[read : found.start()]
        markers.append(Marker(len(spoken), name))
        read = found.end()
    return spoken + text[read:], tuple(markers)


def parted(text: str) -> tuple[str, str]:
    """Of a text that goes on: what is complete, and what may be the beginning of a marker (21 characters at most)."""
    begun = _BEGUN.search(text)
    end = begun.start() if begun else len(text)
    return text[:end], text[end:]


class Feelings:
    """Emotions over time; what is told of later times may be told early."""

    def __init__(self, emotion: str = "neutral") -> None:
        self._changes: deque[tuple[float, Pose]] = deque([(-np.inf, emotion_pose(emotion))], maxlen=MOST)

    def feel(self, emotion: str, *, at_s: float, strength: float = 1.0) -> None:
        """From `at_s` on `emotion`, at a `strength` of 0…1; what was to come later is forgotten.

        Raises:
            ValueError: there is no such emotion or strength.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"the strength of {emotion} is 0 to 1, not {strength}")
        pose = emotion_pose(emotion) * np.float32(strength)
        while len(self._changes) > 1 and self._changes[-1][0] >= at_s:
            self._changes.pop()
        self._changes.append((at_s, pose))

    def at(self, at_s: float) -> Pose:
        """The face at `at_s`; a change fades in over 0.4 s from the marker on."""
        while len(self._changes) > 1 and self._changes[1][0] < at_s - 60:
            self._changes.popleft()
        face = self._changes[0][1]
        for start_s, pose in list(self._changes)[1:]:
            share = np.clip((at_s - start_s) / FADE_S, 0, 1)
            face = face + np.float32(share * share * (3 - 2 * share)) * (pose - face)
        return face

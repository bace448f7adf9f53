"""The anchor as frames: a pose at a time on the media clock in, a picture with that time out.

Thin: the person is drawn in `models/character`, moved by `models/acting.py`. Knows no session and no file.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from models.acting import Actor
from models.character.look import look_of
from models.faces import emotion_pose
from models.rig import Pose
from streamer.frame import PICTURE_HZ, FormatError, VideoFrame

if TYPE_CHECKING:
    from models.character.planes import Planes

__all__ = ["AnchorPicture", "AnchorWanted"]


@dataclass(frozen=True, slots=True)
class AnchorWanted:
    """Who is shown, and how. `character`: a name, a seed, or a portrait's JSON (see `models/portrait/points.py`);
    `background`: see `models/character/backdrop.py`.

    Raises:
        ValueError: something of it does not exist or is out of range; says what does.
    """

    character: str = "ada"
    background: str = "studio"
    emotion: str = "neutral"
    width: int = 512
    height: int = 512
    fps: int = 30
    mark: bool = True  # "AI · synthetic" in the picture

    def __post_init__(self) -> None:
        if not self.portrait:
            look_of(self.character)
        elif self.background != "studio":
            raise ValueError("a portrait has the background of its picture: leave --background out")
        emotion_pose(self.emotion)
        if not 5 <= self.fps <= 60:
            raise ValueError(f"{self.fps} pictures a second: 5 to 60 are possible")

    @property
    def portrait(self) -> bool:
        """Whether it is a person's own picture."""
        return self.character.lower().endswith((".json", ".jpg", ".jpeg", ".png", ".webp"))

    @property
    def clear(self) -> bool:
        """Whether nothing is behind."""
        return self.background == "none"

    def actor(self) -> Actor:
        """Who moves them; a character moves in a way of their own."""
        return Actor(zlib.crc32(self.character.encode()), emotion=self.emotion)


class Person(Protocol):
    """Whatever draws a pose."""

    def planes(self, pose: Pose, at_s: float) -> Planes: ...

    def alpha(self) -> NDArray[np.uint8]: ...


def _character(wanted: AnchorWanted) -> Person:
    from models.character.backdrop import backdrop
    from models.character.renderer import Character

    size = {"width": wanted.width, "height": wanted.height}
    behind = backdrop(wanted.background, **size)
    return Character(look_of(wanted.character), background=behind, mark=wanted.mark, **size)


class AnchorPicture:
    """Draws the anchor; frames are to be asked for in the order of time. `consent`: what who is shown wrote.

    Raises:
        ValueError: the background is not there, or the size is not possible.
        FormatError: this machine lacks what drawing needs.
    """

    def __init__(self, wanted: AnchorWanted) -> None:
        self.consent = ""
        try:
            self._person = self._portrait(wanted) if wanted.portrait else _character(wanted)
        except ImportError as error:  # Skia's wheel links to the system's GL, which a bare server lacks
            raise FormatError(f"drawing an anchor needs libEGL (apt install libegl1 libgl1): {error}") from error

    def _portrait(self, wanted: AnchorWanted) -> Person:
        from models.portrait.points import load
        from models.portrait.renderer import Portrait

        likeness = load(Path(wanted.character))
        self.consent = likeness.consent
        return Portrait(likeness, width=wanted.width, height=wanted.height, mark=wanted.mark)

    def frame(self, pose: Pose, pts: int) -> VideoFrame:
        """The frame at `pts` in 1/90000 s; what is clear is black."""
        planes = self._person.planes(pose, float(Fraction(pts, PICTURE_HZ)))
        return VideoFrame(pts, planes.y, planes.u, planes.v)

    def frame_and_alpha(self, pose: Pose, pts: int) -> tuple[VideoFrame, NDArray[np.uint8]]:
        """The frame, and how opaque each pixel is, `[H, W]`."""
        frame = self.frame(pose, pts)
        return frame, self._person.alpha()

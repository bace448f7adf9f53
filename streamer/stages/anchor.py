"""The anchor as frames: a pose at a time on the media clock in, a picture with that time out.

Thin: the person is drawn in `models/character`, moved by `models/acting.py`. Knows no session and no file.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from models.acting import Actor
from models.character.look import look_of
from models.faces import emotion_pose
from models.rig import Pose
from streamer.frame import PICTURE_HZ, FormatError, VideoFrame

__all__ = ["AnchorPicture", "AnchorWanted"]


@dataclass(frozen=True, slots=True)
class AnchorWanted:
    """Who is shown, and how. `character`: a name or a seed; `background`: see `models/character/backdrop.py`.

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
        look_of(self.character)
        emotion_pose(self.emotion)
        if not 5 <= self.fps <= 60:
            raise ValueError(f"{self.fps} pictures a second: 5 to 60 are possible")

    @property
    def clear(self) -> bool:
        """Whether nothing is behind."""
        return self.background == "none"

    def actor(self) -> Actor:
        """Who moves them; a character moves in a way of their own."""
        return Actor(zlib.crc32(self.character.encode()), emotion=self.emotion)


class AnchorPicture:
    """Draws the anchor; frames are to be asked for in the order of time.

    Raises:
        ValueError: the background is not there, or the size is not possible.
        FormatError: this machine lacks what drawing needs.
    """

    def __init__(self, wanted: AnchorWanted) -> None:
        try:
            from models.character.backdrop import backdrop
            from models.character.renderer import Character
        except ImportError as error:  # Skia's wheel links to the system's GL, which a bare server lacks
            raise FormatError(f"drawing an anchor needs libEGL (apt install libegl1 libgl1): {error}") from error
        behind = backdrop(wanted.background, width=wanted.width, height=wanted.height)
        self._person = Character(
            look_of(wanted.character),
            width=wanted.width,
            height=wanted.height,
            background=behind,
            mark=wanted.mark,
        )

    def frame(self, pose: Pose, pts: int) -> VideoFrame:
        """The frame at `pts` in 1/90000 s; what is clear is black."""
        planes = self._person.planes(pose, float(Fraction(pts, PICTURE_HZ)))
        return VideoFrame(pts, planes.y, planes.u, planes.v)

    def frame_and_alpha(self, pose: Pose, pts: int) -> tuple[VideoFrame, NDArray[np.uint8]]:
        """The frame, and how opaque each pixel is, `[H, W]`."""
        frame = self.frame(pose, pts)
        return frame, self._person.alpha()

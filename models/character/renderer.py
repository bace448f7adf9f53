"""A character as pictures: poses in, RGBA out, at any size, deterministic on the media clock.

Layers from back to front on one Skia canvas; the background and the label that says "synthetic" are painted once and
kept. Knows the rig; not who moves it, and nothing of codecs.
"""

from __future__ import annotations

import numpy as np
import skia
from numpy.typing import NDArray

from models.character.act import Act
from models.character.body import draw_body, draw_collar, draw_neck, draw_worn
from models.character.brush import Brush
from models.character.eyes import draw_brows, draw_eyes
from models.character.face import draw_ears, draw_face, draw_nose
from models.character.hair import draw_back_hair, draw_front_hair, fringe, fringe_shadow
from models.character.label import label
from models.character.look import Look
from models.character.mouth import draw_mouth
from models.character.planes import Planes, planes_of
from models.character.springs import Hanging
from models.character.turn import Turn
from models.rig import Pose

__all__ = ["Character", "Rgba"]

Rgba = NDArray[np.uint8]
"""`[H, W, 4]`, colours multiplied by alpha."""

UNITS_HIGH = 396.0  # what the picture shows, from above the hair to the chest
TOP = -178.0
NECK_Y = 128.0
MARGIN = 0.025  # around the plate, in picture heights
SMALLEST, LARGEST = 64, 4096


class Character:
    """Draws one person. Frames are to be asked for in the order of time; a jump starts hair from rest.

    `background` `[H, W, 4]` is what is behind; None leaves it clear. `mark`: the plate that says "synthetic" is shown.

    Raises:
        ValueError: the size is not even, or out of bounds.
    """

    def __init__(
        self, look: Look, *, width: int = 512, height: int = 512, background: Rgba | None = None, mark: bool = False
    ) -> None:
        if not (width % 2 == height % 2 == 0 and min(width, height) >= SMALLEST and max(width, height) <= LARGEST):
            raise ValueError(f"{width}×{height}: both sides are even and {SMALLEST} to {LARGEST}")
        self._look, self._width, self._height = look, width, height
        self._pixels: Rgba = np.zeros((height, width, 4), np.uint8)
        self._surface = skia.Surface(self._pixels, colorType=skia.kRGBA_8888_ColorType)
        self._background = background
        self._plate = skia.Image.fromarray(label(height), colorType=skia.kRGBA_8888_ColorType) if mark else None
        self._hanging = Hanging()

    def render(self, pose: Pose, at_s: float) -> Rgba:
        """The picture for a settled `pose` `[61]` at `at_s` on the media clock; valid until the next call."""
        self._pixels[:] = 0 if self._background is None else self._background
        canvas = self._surface.getCanvas()
        canvas.save()
        scale = self._height / UNITS_HIGH
        canvas.translate(self._width / 2, -TOP * scale)
        canvas.scale(scale, scale)
        self._draw(Brush(canvas), pose, at_s)
        canvas.restore()
        if self._plate is not None:
            margin = self._height * MARGIN
            canvas.drawImage(self._plate, round(margin), round(self._height - margin - self._plate.height()))
        return self._pixels

    def planes(self, pose: Pose, at_s: float) -> Planes:
        """The same as an encoder takes it, to keep."""
        self.render(pose, at_s)
        return planes_of(self._pixels)

    def alpha(self) -> NDArray[np.uint8]:
        """How opaque each pixel of the last picture is, `[H, W]`."""
        return self._pixels[..., 3].copy()

    def _draw(self, brush: Brush, pose: Pose, at_s: float) -> None:
        act = self._act(pose, at_s)
        canvas = brush.canvas
        canvas.translate(9.0 * act["lean"], 0)
        canvas.rotate(1.5 * act["lean"], 0, 320)
        _headwise(brush, act)
        draw_back_hair(brush, act)
        draw_ears(brush, act)
        canvas.restore()
        draw_body(brush, act)
        draw_neck(brush, act)
        draw_collar(brush, act)
        locks = fringe(act)
        _headwise(brush, act)
        draw_face(brush, act, fringe_shadow(act, locks))
        draw_nose(brush, act)
        draw_mouth(brush, act)
        draw_eyes(brush, act)
        draw_brows(brush, act)
        draw_front_hair(brush, act, locks)
        draw_brows(brush, act, 0.35)
        draw_worn(brush, act)
        canvas.restore()

    def _act(self, pose: Pose, at_s: float) -> Act:
        act = Act(self._look, pose, Turn(), _STILL)
        yaw, pitch, roll, lean = act["headYaw"], act["headPitch"], act["headRoll"], act["lean"]
        crown = np.array([2.2 * yaw + 3.2 * roll + 14 * lean, -1.6 * pitch - 3.0 * act["breath"]])
        gaze = np.array([act["leftEyeYaw"] / 3.5, -act["leftEyePitch"] / 3.5])
        swing = self._hanging.follow(head=crown, gaze=gaze, at_s=at_s)
        return Act(self._look, pose, Turn(yaw, pitch), swing)


_STILL = Hanging().follow(head=np.zeros(2), gaze=np.zeros(2), at_s=0.0)


def _headwise(brush: Brush, act: Act) -> None:
    """From the body's place to the head's: a turn moves it, a roll tips it over the neck."""
    canvas = brush.canvas
    canvas.save()
    canvas.translate(0.25 * act["headYaw"], -0.12 * act["headPitch"] - 1.2 * act["breath"])
    canvas.rotate(act["headRoll"], 0, NECK_Y)

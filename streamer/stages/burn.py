"""Captions drawn into a picture: rows of text on a dark box, on YUV planes, touching nothing outside of the box.

A text is rendered once and kept as what it does to each pixel; laying it over a picture is a multiplication in the box.
Knows rows and pictures; not where either comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamer.frame import VideoFrame
from streamer.stages.screen import Row

__all__ = ["Painter"]

# Seen well from afar; where there is none of them, Pillow brings a font of its own (Aileron, CC0).
FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
HEIGHT = 0.052  # of a letter's square, in picture heights
LEADING = 1.3
MARGIN = 0.04  # between box and edge, in picture heights
WIDEST = 0.92  # of the picture
LEAST_PX = 8
BOX, TAIL = 0.7, 0.62  # how much of the picture the box hides; how bright what may change is
NEUTRAL = 128

Mask = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a plane's pixels become in the box from `top`, `left`: `(pixel * keep + add) >> 8`."""

    top: int
    left: int
    keep: Mask
    add: Mask

    def over(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = self.keep.shape
        out = plane.copy()
        box = out[self.top : self.top + height, self.left : self.left + width]
        box[:] = (box * self.keep + self.add) >> 8
        return out


class Painter:
    """`draw` rows at `size` times the usual, at the `bottom` or `top`; the last text is kept."""

    def __init__(self) -> None:
        self._key: object = None
        self._stamps: tuple[_Stamp, _Stamp] | None = None

    def draw(
        self, frame: VideoFrame, rows: Sequence[Row], *, size: float = 1.0, position: str = "bottom"
    ) -> VideoFrame:
        """The picture with the rows on it; a picture too small for any letter stays as it is."""
        key = (tuple(rows), frame.width, frame.height, frame.full_range, size, position)
        if key != self._key:
            self._stamps = _stamps(frame, rows, size=size, top=position == "top") if rows else None
            self._key = key
        if self._stamps is None:
            return frame
        bright, colour = self._stamps
        return replace(frame, y=bright.over(frame.y), u=colour.over(frame.u), v=colour.over(frame.v))


def _stamps(frame: VideoFrame, rows: Sequence[Row], *, size: float, top: bool) -> tuple[_Stamp, _Stamp] | None:
    font = _fitting(frame, rows, size)
    if font is None:
        return None
    ink, light = _ink(rows, font)
    height, width = ink.shape
    margin = int(MARGIN * frame.height)
    at = (margin if top else frame.height - height - margin) & ~1, ((frame.width - width) // 2) & ~1
    if min(at) < 0:
        return None
    black, white = (0, 255) if frame.full_range else (16, 235)
    keep = (1 - ink) * (1 - BOX)
    add = ink * (black + (white - black) * light) + (1 - ink) * BOX * black
    return _stamp(at, keep, add), _stamp((at[0] // 2, at[1] // 2), *_halved(keep))


def _stamp(at: tuple[int, int], keep: NDArray[np.float64], add: NDArray[np.float64]) -> _Stamp:
    # Half a step, so that what is kept whole stays as it is and the rest is rounded.
    return _Stamp(*at, np.round(keep * 256).astype(np.uint16), np.round(add * 256 + 127).astype(np.uint16))


def _halved(keep: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same for the planes of colour, which lose theirs as much as brightness changes."""
    height, width = keep.shape
    half = keep.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return half, (1 - half) * NEUTRAL


def _fitting(frame: VideoFrame, rows: Sequence[Row], size: float) -> ImageFont.FreeTypeFont | None:
    """The font at the size asked for, or as small as it must be for the widest row."""
    wanted = min(HEIGHT * frame.height * size, frame.height * (1 - 2 * MARGIN) / (LEADING * (len(rows) + 1)))
    for _ in range(6):
        if wanted < LEAST_PX:
            return None
        font = _font(int(wanted))
        widest = max(font.getlength(row.solid + row.tail) for row in rows) + wanted
        if widest <= frame.width * WIDEST:
            return font
        wanted *= frame.width * WIDEST / widest * 0.99
    return None


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    path = next((path for path in FONTS if Path(path).is_file()), None)
    if path is not None:
        return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _ink(rows: Sequence[Row], font: ImageFont.FreeTypeFont) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of each pixel is letter, and how bright that is, 0…1, `[H, W]` with even sides."""
    pad, leading = int(font.size / 2), int(font.size * LEADING)
    width = int(max(font.getlength(row.solid + row.tail) for row in rows)) + 2 * pad
    height = leading * len(rows) + pad
    image = Image.new("L", (width + width % 2, height + height % 2))
    light = np.ones((image.height, image.width))
    pen = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        left, top = (image.width - font.getlength(row.solid + row.tail)) / 2, pad // 2 + number * leading
        pen.text((left, top), row.solid + row.tail, fill=255, font=font)
        light[top : top + leading, int(left + font.getlength(row.solid)) :] = TAIL
    return np.asarray(image, np.float64) / 255, light

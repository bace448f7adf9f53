"""RGBA to the planes that an encoder takes: BT.601, limited range, each chroma the mean of its four pixels.

Skia multiplies colours by a matrix faster than numpy can. Source: ITU-R BT.601-7.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import skia
from numpy.typing import NDArray

__all__ = ["Converter", "Planes"]

_TO_Y = (0.2568, 0.5041, 0.0979, 0.0, 16 / 255)
_TO_UV = (
    (-0.1482, -0.2910, 0.4392, 0.0, 128 / 255),
    (0.4392, -0.3678, -0.0714, 0.0, 128 / 255),
)


class Planes(NamedTuple):
    """`y` `[H, W]`, `u` and `v` `[H / 2, W / 2]`; where it is half clear, colours are whole."""

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


class Converter:
    """For pictures of one even size."""

    def __init__(self, width: int, height: int) -> None:
        assert width % 2 == height % 2 == 0
        self._size = width, height
        self._half = skia.Surface(width // 2, height // 2)

    def __call__(self, picture: skia.Image) -> Planes:
        """New planes of a picture drawn by Skia."""
        width, height = self._size
        small, linear = skia.Rect.MakeWH(width // 2, height // 2), skia.SamplingOptions(skia.FilterMode.kLinear)
        self._half.getCanvas().drawImageRect(picture, small, linear, skia.Paint(BlendMode=skia.BlendMode.kSrc))
        half = self._half.makeImageSnapshot()
        return Planes(
            _plane(picture, width, height, _TO_Y), *(_plane(half, width // 2, height // 2, row) for row in _TO_UV)
        )


def _plane(picture: skia.Image, width: int, height: int, row: tuple[float, ...]) -> NDArray[np.uint8]:
    plane = np.zeros((height, width), np.uint8)
    surface = skia.Surface.MakeRasterDirect(skia.ImageInfo.MakeA8(width, height), plane, width)
    matrix = skia.ColorFilters.Matrix([0.0] * 15 + list(row))
    paint = skia.Paint(ColorFilter=matrix, BlendMode=skia.BlendMode.kSrc)
    surface.getCanvas().drawImage(picture, 0, 0, skia.SamplingOptions(), paint)
    return plane

"""What is behind the character: a studio, a colour, a picture (sharp or blurred), or nothing.

Painted once at the size of the output. Knows nothing of the character.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFilter, ImageOps

__all__ = ["backdrop"]

LARGEST_PX = 64_000_000
BLUR = 0.03  # of the height
_STUDIO = ((38, 44, 74), (86, 92, 138), (190, 160, 172))  # top to bottom
_LAMPS = ((0.12, 0.2, 0.10), (0.25, 0.42, 0.05), (0.86, 0.16, 0.13), (0.74, 0.5, 0.06), (0.95, 0.62, 0.08))


def backdrop(wanted: str, *, width: int, height: int) -> NDArray[np.uint8] | None:
    """`studio`, `none`, a colour (`#1e2a44`, `navy`), a picture's file, or `blur:` and a file: `[H, W, 4]`, or None.

    Raises:
        ValueError: it is none of these, or the picture is too large or broken.
    """
    if wanted == "none":
        return None
    if wanted == "studio":
        return _opaque(_studio(width, height))
    if colour := _colour(wanted):
        return _opaque(np.broadcast_to(np.array(colour, np.float32), (height, width, 3)))
    blurred = wanted.startswith("blur:")
    path = Path(wanted.removeprefix("blur:"))
    if not path.is_file():
        raise ValueError(f"background {wanted!r} is no file; say studio, none, a colour such as #1e2a44, or a picture")
    picture = ImageOps.fit(_opened(path), (width, height))
    if blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(BLUR * height))
    return _opaque(np.asarray(picture, np.float32))


def _colour(text: str) -> tuple[int, ...] | None:
    if not re.fullmatch(r"#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-z]{3,20}", text):
        return None
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        return None


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > LARGEST_PX:
                raise ValueError(f"{path}: {picture.width}×{picture.height} is too large; 64 million pixels at most")
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error


def _studio(width: int, height: int) -> NDArray[np.float32]:
    """A room at dusk, out of focus: a gradient, a few soft lamps, darker corners."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / height
    middle = width / height / 2
    steps = np.linspace(0, 1, len(_STUDIO))
    room = np.stack([np.interp(y, steps, [colour[part] for colour in _STUDIO]) for part in range(3)], -1)
    for across, down, radius in _LAMPS:
        away = np.hypot(x - middle + (0.5 - across), y - down) / radius
        disc = np.clip((1 - away) / 0.25, 0, 1)
        room += (disc * (0.7 + 0.3 * away) * 26)[..., None] * np.array([1.0, 0.86, 0.78])
    glow = np.exp(-(((x - middle) / 0.42) ** 2) - ((y - 0.42) / 0.45) ** 2)
    room += glow[..., None] * np.array([38.0, 34.0, 40.0])
    dither = np.random.default_rng(1).uniform(-0.8, 0.8, (height, width, 1))  # or a slow gradient shows bands
    return np.asarray(np.clip(room + dither, 0, 255), np.float32)


def _opaque(rgb: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.concatenate([np.round(rgb), np.full((*rgb.shape[:2], 1), 255)], -1).astype(np.uint8)

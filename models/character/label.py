"""The mark that says that nobody real is seen: a small plate with words, painted once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

__all__ = ["WORDS", "label"]

WORDS = "AI · synthetic"
HEIGHT = 0.034  # of the letters, in picture heights
LEAST_PX = 9


def label(height: int, words: str = WORDS) -> NDArray[np.uint8]:
    """`[h, w, 4]`, colours multiplied by alpha, for a picture that is `height` high."""
    size = max(LEAST_PX, round(HEIGHT * height))
    font = ImageFont.load_default(size)  # Pillow's own (Aileron, CC0): the same letters everywhere
    left, top, right, bottom = font.getbbox(words)
    pad = size // 2
    plate = Image.new("RGBA", (int(right - left) + 2 * pad, int(bottom - top) + pad))
    pen = ImageDraw.Draw(plate)
    pen.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), radius=plate.height // 3, fill=(12, 14, 26, 150))
    pen.text((pad - left, pad / 2 - top), words, font=font, fill=(255, 255, 255, 235))
    out = np.asarray(plate, np.float32)
    return np.asarray(np.concatenate([out[..., :3] * out[..., 3:] / 255, out[..., 3:]], -1).round(), np.uint8)

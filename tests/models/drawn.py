"""The faces that are kept as pictures: ada in the 15 visemes and the five emotions, drawn and told apart.

`python -m tests.models.drawn` draws the kept sheets anew, where a face has been changed on purpose: look at them, then
commit them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.character.look import look_of
from models.character.renderer import Character
from models.faces import EMOTIONS, VISEMES, emotion_pose, viseme_pose
from models.rig import Pose, combined, posed

__all__ = ["SHEETS", "Picture", "drawn", "kept", "unlikeness"]

Picture = NDArray[np.uint8]
"""`[256, 256, 3]`: the face out of a drawing of 512²."""

FOLDER = Path(__file__).with_name("golden")
SIZE, CELL, CAPTION, COLUMNS = 512, 256, 28, 5
TOP, LEFT = 154, 128  # of the face in the drawing
BEHIND = (232, 226, 238, 255)
PATCH = 4
REST = posed({})

SHEETS: dict[str, dict[str, Pose]] = {
    "visemes": {name: combined(viseme_pose(name), face=emotion_pose("neutral"), life=REST) for name in VISEMES},
    "emotions": {name: combined(REST, face=emotion_pose(name), life=REST) for name in EMOTIONS},
}


def drawn(pose: Pose) -> Picture:
    """Ada with a settled pose."""
    behind = np.full((SIZE, SIZE, 4), BEHIND, np.uint8)
    whole = Character(look_of("ada"), width=SIZE, height=SIZE, background=behind).render(pose, 0.0)
    return whole[TOP : TOP + CELL, LEFT : LEFT + CELL, :3].copy()


def unlikeness(one: Picture, other: Picture) -> float:
    """The most that any patch of 4 × 4 pixels differs in any colour, of 255: a line that moves, not one's soft edge."""
    patches = (one.astype(np.float32) - other).reshape(CELL // PATCH, PATCH, CELL // PATCH, PATCH, 3).mean((1, 3))
    return float(np.abs(patches).max())


def kept(sheet: str) -> dict[str, Picture]:
    """The faces of a kept sheet, by name."""
    with Image.open(FOLDER / f"{sheet}.webp") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return {
        name: pixels[y + CAPTION : y + CAPTION + CELL, x : x + CELL]
        for name, (x, y) in zip(SHEETS[sheet], _places(len(SHEETS[sheet])), strict=True)
    }


def _places(count: int) -> list[tuple[int, int]]:
    return [(n % COLUMNS * CELL, n // COLUMNS * (CAPTION + CELL)) for n in range(count)]


def _keep(sheet: str) -> None:
    faces = SHEETS[sheet]
    rows = -(-len(faces) // COLUMNS)
    picture = Image.new("RGB", (COLUMNS * CELL, rows * (CAPTION + CELL)), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(18)
    for (name, pose), (x, y) in zip(faces.items(), _places(len(faces)), strict=True):
        pen.text((x + CELL // 2, y + CAPTION // 2), name, "black", font, anchor="mm")
        picture.paste(Image.fromarray(drawn(pose)), (x, y + CAPTION))
    picture.save(FOLDER / f"{sheet}.webp", lossless=True, quality=100, method=6)


if __name__ == "__main__":
    for each in SHEETS:
        _keep(each)

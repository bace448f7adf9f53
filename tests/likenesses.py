"""A person's picture with points and consent, for tests; the person is drawn, so that nobody's likeness is needed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.character.look import look_of
from models.character.renderer import Character
from models.rig import posed

__all__ = ["CONSENT", "POINTS", "SIZE", "likeness"]

SIZE = 256
SCALE = SIZE / 396
PLACES = {
    "forehead": (0, -100),
    "chin": (0, 116),
    "face left": (-79, 16),
    "face right": (79, 16),
    "mouth left": (-22, 76),
    "mouth right": (22, 76),
    "mouth middle": (0, 78),
    "left eye left": (-59, 16),
    "left eye right": (-15, 20),
    "left eye top": (-37, -3),
    "left eye bottom": (-37, 30),
    "right eye left": (15, 20),
    "right eye right": (59, 16),
    "right eye top": (37, -3),
    "right eye bottom": (37, 30),
}
POINTS = {name: [SIZE / 2 + x * SCALE, (y + 178) * SCALE] for name, (x, y) in PLACES.items()}
CONSENT = "This is me, and I agree. Ada Example"


def likeness(folder: Path, **changes: Any) -> Path:
    """`me.json` in the folder, with these changes, and the picture that it names."""
    if not (folder / "me.png").exists():
        grey = np.full((SIZE, SIZE, 4), 200, np.uint8)
        person = Character(look_of("ada"), width=SIZE, height=SIZE, background=grey)
        Image.fromarray(person.render(posed({}), 0.0)[..., :3]).save(folder / "me.png")
    path = folder / "me.json"
    path.write_text(json.dumps({"picture": "me.png", "consent": CONSENT, "points": POINTS} | changes))
    return path

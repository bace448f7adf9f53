"""Points found in a picture; the face here is drawn, so that nobody's likeness is needed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("cv2", reason="finding a face needs limelight[portrait]")
pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.character.look import look_of
from models.character.renderer import Character
from models.portrait.finder import find
from models.portrait.points import NAMES
from models.rig import posed

SIZE = 400
# In units from the middle of her face, as the character is drawn; the picture is 396 of them high.
DRAWN = {"chin": (0, 116), "mouth left": (-22, 76), "mouth right": (22, 76), "mouth middle": (0, 78)}
EYES = {"left eye": (-37, 16), "right eye": (37, 16)}


@lru_cache
def ada() -> NDArray[np.uint8]:
    grey = np.full((SIZE, SIZE, 4), 200, np.uint8)
    person = Character(look_of("ada"), width=SIZE, height=SIZE, background=grey, mark=False)
    return person.render(posed({}), 0.0)[..., :3].copy()


def drawn_at(place: tuple[float, float]) -> NDArray[np.float64]:
    return np.array([SIZE / 2, 0]) + np.add(place, (0, 178)) * SIZE / 396


def farthest(found: dict[str, NDArray[np.float64]], turn: float = 0.0) -> float:
    """How far off the worst point is, of the distance between the eyes, in the picture turned by `turn` degrees."""
    angle, middle = np.radians(-turn), np.full(2, SIZE / 2)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes = {name: np.mean([found[f"{name} {end}"] for end in ("left", "right")], 0) for name in EYES}
    off = [
        np.linalg.norm(point - (turned @ (drawn_at(place) - middle) + middle))
        for at, places in ((found, DRAWN), (eyes, EYES))
        for name, place in places.items()
        for point in (at[name],)
    ]
    return float(max(off)) / float(np.linalg.norm(eyes["right eye"] - eyes["left eye"]))


def test_every_point_is_found_where_it_was_drawn() -> None:
    found = find(ada())
    assert set(found) == set(NAMES)
    assert farthest(found) < 0.12


@pytest.mark.parametrize("degrees", [-8, 8])
def test_a_face_that_leans_is_found_as_it_leans(degrees: int) -> None:
    leaning = Image.fromarray(ada()).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(200, 200, 200))
    assert farthest(find(np.asarray(leaning)), degrees) < 0.15


def test_a_face_in_a_much_larger_picture_is_found_there() -> None:
    wide = np.full((1800, 2600, 3), 200, np.uint8)
    wide[1000:1400, 1500:1900] = ada()
    found = find(wide)
    assert farthest({name: at - [1500, 1000] for name, at in found.items()}) < 0.15


def test_no_face_and_two_faces_are_told() -> None:
    with pytest.raises(ValueError, match="no face was found: take a picture"):
        find(np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8))
    with pytest.raises(ValueError, match="more than one face"):
        find(np.concatenate([ada(), ada()], 1))

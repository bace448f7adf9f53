"""Where the face is in a person's own picture: points in a small JSON file, and their consent.

`limelight portrait` writes it; points can be moved by hand.

    {"picture": "me.jpg",
     "consent": "This is me, and I want to be shown so. Ada Example, 2026-11-21",
     "points": {"chin": [256, 430], "forehead": [256, 120], …}}

Left and right are those of the picture as one looks at it; points are pixels from its upper left corner. Knows no mesh.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

__all__ = ["NAMES", "SHORTEST_CONSENT", "Likeness", "checked", "load", "read_picture"]

_LOOSE = ("forehead", "chin", "face left", "face right", "mouth left", "mouth right", "mouth middle")
_EYES = tuple(f"{side} eye {place}" for side in ("left", "right") for place in ("left", "right", "top", "bottom"))
NAMES: tuple[str, ...] = (*_LOOSE, *_EYES)
LARGEST_PX = 64_000_000
SMALLEST_FACE_PX = 80
SHORTEST_CONSENT = 12  # a sentence, not a letter
CLOSE = 0.38  # of a picture's height: head and shoulders
FACE_DOWN = 0.46  # where the middle of the face is, from the top


@dataclass(frozen=True, slots=True)
class Likeness:
    """`picture` `[H, W, 3]`, `points` by name `[2]` in its pixels, `consent` as the person wrote it."""

    picture: NDArray[np.uint8]
    points: Mapping[str, NDArray[np.float64]]
    consent: str

    def fitted(self, width: int, height: int) -> Likeness:
        """The part of it that fills `width` × `height`, around the face, which is brought closer where it is small.

        Raises:
            ValueError: a part of the face would be cut off.
        """
        had, size = np.array(self.picture.shape[1::-1], float), np.array([width, height], float)
        top, low = self.points["forehead"], self.points["chin"]
        scale = max(*(size / had), CLOSE * height / float(low[1] - top[1]))
        corner = np.clip((top + low) / 2 - size * (0.5, FACE_DOWN) / scale, 0, had - size / scale)
        box = tuple(np.clip([*corner, *(corner + size / scale)], 0, [*had, *had]).tolist())
        picture = Image.fromarray(self.picture).resize((width, height), Image.Resampling.LANCZOS, box)
        points = {name: (point - corner) * scale for name, point in self.points.items()}
        if any(not (0 <= x < width and 0 <= y < height) for x, y in points.values()):
            raise ValueError(f"the face does not fit into {width}×{height}; choose a --size shaped like the picture")
        return Likeness(np.asarray(picture), points, self.consent)


def load(path: Path) -> Likeness:
    """The picture and points that a JSON file names.

    Raises:
        ValueError: something is missing or makes no face; says what is to be done.
    """
    if path.suffix.lower() != ".json":
        raise ValueError(
            f"{path} alone does not tell where the face is, nor that you agree: make a .json of it with "
            f"`limelight portrait {path.name}`"
        )
    told = _read(path)
    consent = str(told.get("consent", "")).strip()
    if len(consent) < SHORTEST_CONSENT:
        raise ValueError(
            f'{path}: "consent" is missing; the person in the picture says there, by name, that they agree'
        )
    picture = read_picture(path.parent / str(told.get("picture", "")))
    likeness = Likeness(picture, _points(path, told.get("points")), consent)
    try:
        return checked(likeness)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def checked(likeness: Likeness) -> Likeness:
    """The same. Raises ValueError where its points are not where a face's could be."""
    if reason := _no_face(likeness.points, likeness.picture.shape[1], likeness.picture.shape[0]):
        raise ValueError(reason)
    return likeness


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path} holds no object with picture, consent and points")
    return told


def read_picture(path: Path) -> NDArray[np.uint8]:
    """RGB `[H, W, 3]`, upright. Raises ValueError: it is none, or too large."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > LARGEST_PX:
                raise ValueError(f"{path}: {picture.width}×{picture.height} is too large; 64 million pixels at most")
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error


def _points(path: Path, told: object) -> dict[str, NDArray[np.float64]]:
    given = told if isinstance(told, dict) else {}
    if missing := [name for name in NAMES if name not in given]:
        raise ValueError(f"{path}: points are missing: {', '.join(missing)}")
    try:
        points = {name: np.array([float(part) for part in given[name]]) for name in NAMES}
    except (TypeError, ValueError):
        points = {}
    if not points or any(point.shape != (2,) or not np.isfinite(point).all() for point in points.values()):
        raise ValueError(f"{path}: every point is a pair of pixels, such as [256, 430]")
    return points


def _no_face(at: Mapping[str, NDArray[np.float64]], width: int, height: int) -> str:
    """Why not, or nothing."""
    outside = [name for name, (x, y) in at.items() if not (0 <= x < width and 0 <= y < height)]
    if outside:
        return f"{', '.join(outside)} lies outside of the picture, which is {width}×{height}"
    if at["face right"][0] - at["face left"][0] < SMALLEST_FACE_PX:
        return f"the face is less than {SMALLEST_FACE_PX} pixels wide; take a larger picture"
    down = ("forehead", "left eye top", "left eye bottom", "mouth middle", "chin")
    across = ("face left", "left eye left", "left eye right", "right eye left", "right eye right", "face right")
    mouth = ("face left", "mouth left", "mouth middle", "mouth right", "face right")
    for names, axis, way in ((down, 1, "above"), (across, 0, "left of"), (mouth, 0, "left of")):
        for one, other in pairwise(names):
            if at[one][axis] >= at[other][axis]:
                return f"these points make no face: {one} is to be {way} {other}"
    return ""

"""The points of a portrait found in a picture: face and eyes by OpenCV's cascades, lips as the dark line between them.

What no picture tells plainly (lids, sides) is where most faces have it; a person judges what comes out, and moves what
is off. OpenCV 4 brings its cascades along, and is an extra: `limelight[portrait]`. Knows no file.

Source: Viola and Jones 2001 (cascades of Haar features, here the ones that ship with OpenCV).
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_FACE", "SEVERAL_FACES", "find"]

Grey = NDArray[np.uint8]
Point = NDArray[np.float64]
Box = tuple[float, float, float]  # left, top, side

LOOKED_AT_PX = 1280  # the longer side of what faces are looked for in
BETTER = "take a picture that looks straight into the camera, upright and well lit, hair off the eyes"
NO_FACE = f"no face was found: {BETTER}"
SEVERAL_FACES = "more than one face was found: cut the picture so that only you are in it"
LEAST_PX = 40
RIVAL = 0.5  # another face as large as this share of the largest is somebody else who may be meant
FACE_PX = 300  # of a face's box when its eyes are looked for
EYES_ABOVE = 0.6  # of the box
LENS_LIFT = 0.045  # boxes of eyes lie so much of the eyes' distance above them
MOST_TILT = np.tan(np.radians(20))

# Upright and with the eyes `UNIT` apart, on a plate where the middle between them is at `MIDDLE`.
UNIT, MIDDLE, PLATE = 100, (200, 100), (400, 360)
EYE = {"left": (-0.23, -0.01), "right": (0.23, -0.01), "top": (0.0, -0.12), "bottom": (0.0, 0.06)}
MOUTH_ROWS = (0.75, 1.45)
USUAL_MOUTH, MOUTH_SPREAD = 1.08, 0.28
SURE = 0.28  # half of a mouth's width where it is dark for sure
NARROWEST, WIDEST = 0.3, 0.56  # halves of mouths
CORNER = 0.72  # of the darkness in the middle: where a mouth ends
CHIN, CHIN_SPREAD = 1.63, 0.18  # times as far below the eyes as the mouth; found there by what is dark below it
FOREHEAD, SIDE, SIDE_DOWN = 0.85, 1.1, 0.25


def find(picture: NDArray[np.uint8]) -> dict[str, Point]:
    """Every point of `models.portrait.points.NAMES`, for RGB `[H, W, 3]`.

    Raises:
        ImportError: OpenCV with its cascades is not installed.
        ValueError: there is no face, or more than one, or it leans; says what to do.
    """
    import cv2

    if not hasattr(cv2, "CascadeClassifier"):
        raise ImportError("OpenCV 5 has no cascades")
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    boxes = _boxes(cv2, grey)
    if not boxes:
        raise ValueError(NO_FACE)
    largest = [box for box in boxes if box[2] > RIVAL * boxes[0][2]]
    faces = [eyes for box in largest if (eyes := _eyes(cv2, grey, box)) is not None]
    if not faces:
        raise ValueError(f"what looks like a face was found, but no eyes in it: {BETTER}")
    if len(faces) > 1:
        raise ValueError(SEVERAL_FACES)
    return _points(cv2, grey, faces[0])


def _cascade(cv2: Any, name: str) -> Any:
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")


def _boxes(cv2: Any, grey: Grey) -> list[Box]:
    """What looks like a face, the largest first."""
    shrunk = min(1.0, LOOKED_AT_PX / max(grey.shape))
    seen = cv2.resize(grey, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    boxes = _cascade(cv2, "frontalface_alt2").detectMultiScale(seen, 1.05, 3, minSize=(LEAST_PX, LEAST_PX))
    return sorted(((x / shrunk, y / shrunk, side / shrunk) for x, y, side, _ in boxes), key=lambda box: -box[2])


def _eyes(cv2: Any, grey: Grey, face: Box) -> tuple[Point, Point] | None:
    """The middles of both, the picture's left one first, where they are found."""
    left, top, side = (round(part) for part in face)
    box = cv2.resize(grey[top : top + side, left : left + side], (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA)
    upper, least, most = box[: round(EYES_ABOVE * FACE_PX)], (FACE_PX // 7,) * 2, (FACE_PX // 2,) * 2
    for name in ("eye", "eye_tree_eyeglasses"):
        found = _cascade(cv2, name).detectMultiScale(upper, 1.05, 3, minSize=least, maxSize=most)
        if pair := _pair([np.array([x + wide / 2, y + high / 2]) for x, y, wide, high in found]):
            lift = LENS_LIFT * float(np.linalg.norm(pair[1] - pair[0]))
            one, other = ((eye + np.array([0.0, lift])) * side / FACE_PX + [left, top] for eye in pair)
            return one, other
    return None


def _pair(eyes: list[Point]) -> tuple[Point, Point] | None:
    """The two that lie most as eyes do, in a box of `FACE_PX`."""
    usual = FACE_PX * np.array([[0.33, 0.4], [0.67, 0.4]])
    pairs = [(one, other) for one, other in product(eyes, eyes) if other[0] - one[0] > 0.22 * FACE_PX]
    pairs = [(one, other) for one, other in pairs if abs(other[1] - one[1]) < MOST_TILT * (other[0] - one[0])]
    return min(pairs, key=lambda pair: float(np.abs(np.stack(pair) - usual).sum()), default=None)


def _points(cv2: Any, grey: Grey, eyes: tuple[Point, Point]) -> dict[str, Point]:
    """All of them, found or reckoned on the plate and taken back to the picture."""
    across = (eyes[1] - eyes[0]) / UNIT
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]])  # plate to picture
    middle = (eyes[0] + eyes[1]) / 2
    back = np.column_stack([turn, middle - turn @ MIDDLE])
    fine = min(1.0, 1 / float(np.linalg.norm(across)))
    seen = cv2.resize(grey, None, fx=fine, fy=fine, interpolation=cv2.INTER_AREA)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    plate = cv2.warpAffine(seen, back * fine, PLATE, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    found = _reckoned(_mouth(cv2, plate))
    found["chin"] = _chin(cv2, plate, found["chin"])
    return {name: turn @ (UNIT * np.array(at)) + middle for name, at in found.items()}


def _reckoned(mouth: dict[str, Point]) -> dict[str, Point]:
    """All points in units of the eyes' distance, from the middle between them."""
    x, y = mouth["middle"]
    found = {f"mouth {place}": at for place, at in mouth.items()}
    found |= {"forehead": np.array([0.0, -FOREHEAD]), "chin": np.array([x, CHIN * y])}
    found |= {"face left": np.array([-SIDE, SIDE_DOWN]), "face right": np.array([SIDE, SIDE_DOWN])}
    for side, at in (("left", -0.5), ("right", 0.5)):
        found |= {f"{side} eye {place}": np.array([at + dx, dy]) for place, (dx, dy) in EYE.items()}
    return found


def _chin(cv2: Any, plate: Grey, usual: Point) -> Point:
    """Where it is darkest below against above, near where chins are."""
    x = MIDDLE[0] + round(usual[0] * UNIT)
    down = cv2.GaussianBlur(plate, (0, 0), UNIT * 0.03)[:, x - UNIT // 8 : x + UNIT // 8].mean(1)
    step = UNIT // 33
    darker = np.pad(down[: -2 * step] - down[2 * step :], step)
    rows = (np.arange(PLATE[1]) - MIDDLE[1]) / UNIT
    likely = np.exp(-(((rows - usual[1]) / CHIN_SPREAD) ** 2) / 2)
    return np.array([usual[0], rows[int(np.argmax(np.clip(darker, 0, None) * likely))]])


def _mouth(cv2: Any, plate: Grey) -> dict[str, Point]:
    """Its corners and the middle of its line, in units of the eyes' distance: dark, thin, level and wide."""
    tall = cv2.getStructuringElement(cv2.MORPH_RECT, (1, UNIT // 5))
    smooth = cv2.GaussianBlur(plate, (0, 0), UNIT * 0.02)
    dark = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, tall).astype(np.float64)
    first, last = (MIDDLE[1] + round(row * UNIT) for row in MOUTH_ROWS)
    sure = dark[first:last, MIDDLE[0] - round(SURE * UNIT) : MIDDLE[0] + round(SURE * UNIT)]
    near = cv2.dilate(sure, np.ones((7, 1)))  # the line bends a little
    rows = (np.arange(first, last) - MIDDLE[1]) / UNIT
    usual = np.exp(-(((rows - USUAL_MOUTH) / MOUTH_SPREAD) ** 2) / 2)
    row = first + int(np.argmax(np.percentile(near, 25, axis=1) * usual))
    line = _line(dark, row)
    shade = cv2.GaussianBlur(dark[line, np.arange(PLATE[0])][None], (0, 0), UNIT * 0.03)[0]
    left, right = (_end(shade, way) for way in (-1, 1))
    middle = (left + right) // 2
    ends = {"left": left, "middle": middle, "right": right}
    return {place: np.array([x - MIDDLE[0], line[x] - MIDDLE[1]]) / UNIT for place, x in ends.items()}


def _line(dark: NDArray[np.float64], row: int) -> NDArray[np.intp]:
    """The row of the darkest line in each column, followed outwards from the middle, a pixel up or down at a time."""
    rows = np.full(PLATE[0], row)
    for way in (-1, 1):
        at = row
        for x in range(MIDDLE[0], MIDDLE[0] + way * round(WIDEST * UNIT) + way, way):
            reach = 3 if x == MIDDLE[0] else 1
            at = at - reach + int(np.argmax(dark[at - reach : at + reach + 1, x]))
            rows[x] = at
    return rows


def _end(shade: NDArray[np.float64], way: int) -> int:
    """The column where the line is no longer dark."""
    near, far = round(NARROWEST * UNIT), round(WIDEST * UNIT)
    enough = CORNER * np.median(shade[MIDDLE[0] - near : MIDDLE[0] + near])
    for step in range(near, far):
        if shade[MIDDLE[0] + way * step] < enough:
            return MIDDLE[0] + way * step
    return MIDDLE[0] + way * far

"""A picture to judge a likeness by: its points on a ruled picture of the face, and beside it what they make of it.

Rulers count pixels of the person's own picture, so that a point that is off can be moved in the file. Knows no file.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.faces import emotion_pose, viseme_pose
from models.portrait.points import Likeness
from models.portrait.renderer import Portrait
from models.rig import Pose, combined, posed

__all__ = ["proof"]

SIDE = 840
ROOM = 1.7  # of the face's height, from above the head to below the chin
RULED = 12  # lines at most, each way
STEPS = (5, 10, 20, 50, 100, 200, 500, 1000)
RED, PALE = (230, 30, 60), (255, 255, 255)
ABOVE, BELOW, LEFT, RIGHT = (0, -9, "md"), (0, 9, "ma"), (-9, 0, "rm"), (9, 0, "lm")
BESIDE = {"top": ABOVE, "forehead": ABOVE, "left": LEFT, "right": RIGHT}


def proof(likeness: Likeness) -> Image.Image:
    """`SIDE` high and twice as wide.

    Raises:
        ValueError: the face does not fit into a square picture.
    """
    sheet = Image.new("RGB", (2 * SIDE, SIDE))
    sheet.paste(_ruled(likeness))
    rest, neutral, half = posed({}), emotion_pose("neutral"), SIDE // 2
    drawn = Portrait(likeness, width=half, height=half)
    turned = posed({"headYaw": 10, "headRoll": 4, "headPitch": 3})
    smiling = combined(posed({"eyeBlink*": 1}), face=emotion_pose("happy"), life=rest)
    shown = {
        "says ah": combined(viseme_pose("aa"), face=neutral, life=rest),
        "says oo": combined(viseme_pose("ou"), face=neutral, life=rest),
        "smiles, eyes shut": smiling,
        "turns": combined(viseme_pose("E"), face=neutral, life=turned),
    }
    for place, (name, pose) in enumerate(shown.items()):
        sheet.paste(_titled(drawn, pose, name), (SIDE + place % 2 * half, place // 2 * half))
    return sheet


def _titled(drawn: Portrait, pose: Pose, name: str) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(drawn.render(pose, 0.0)[..., :3]))
    _write(ImageDraw.Draw(picture), (12, 10), name, "la")
    return picture


def _ruled(likeness: Likeness) -> Image.Image:
    """The face, large, with its points and lines to count pixels by."""
    at = likeness.points
    reach = ROOM * float(at["chin"][1] - at["forehead"][1])
    left, top = (at["chin"] + at["forehead"] - reach) / 2
    scale = SIDE / reach
    box = (float(left), float(top), float(left) + reach, float(top) + reach)
    frame = Image.Transform.EXTENT
    picture = Image.fromarray(likeness.picture).transform((SIDE, SIDE), frame, box, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture, "RGBA")
    step = next((step for step in STEPS if reach / step <= RULED), STEPS[-1])
    for pixel in range(0, max(likeness.picture.shape), step):
        for axis, start in enumerate((left, top)):
            _rule(draw, (pixel - start) * scale, axis, str(pixel))
    for side in ("left", "right"):
        eye = [at[f"{side} eye {place}"] for place in ("left", "top", "right", "bottom", "left")]
        _join(draw, [(point - (left, top)) * scale for point in eye])
    _join(draw, [(at[f"mouth {place}"] - (left, top)) * scale for place in ("left", "middle", "right")])
    for name, point in at.items():
        _mark(draw, (point - (left, top)) * scale, name)
    return picture


def _rule(draw: ImageDraw.ImageDraw, at: float, axis: int, text: str) -> None:
    ends = ((at, 0), (at, SIDE)) if axis == 0 else ((0, at), (SIDE, at))
    draw.line([*ends[0], *ends[1]], fill=(*PALE, 70))
    if 0 < at < SIDE:
        _write(draw, (at + 2, 2) if axis == 0 else (2, at + 2), text, "la", size=12)


def _join(draw: ImageDraw.ImageDraw, points: list[np.ndarray]) -> None:
    for one, other in pairwise(points):
        draw.line([*one.tolist(), *other.tolist()], fill=(*RED, 130), width=1)


def _mark(draw: ImageDraw.ImageDraw, point: np.ndarray, name: str) -> None:
    x, y = point.tolist()
    draw.line([x - 6, y, x + 6, y], fill=RED, width=2)
    draw.line([x, y - 6, x, y + 6], fill=RED, width=2)
    dx, dy, anchor = BESIDE.get(name.split()[-1], BELOW)
    short = name.split()[-1] if " eye " in name else name
    _write(draw, (x + dx, y + dy), short, anchor)


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, anchor: str, *, size: int = 15) -> None:
    font = ImageFont.load_default(size)
    draw.text(at, text, PALE, font, anchor, stroke_width=2, stroke_fill=(0, 0, 0))

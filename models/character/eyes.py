"""Eyes: white, iris, pupil and highlights under lids that blink, widen, squint and smile; lashes and brows."""

from __future__ import annotations

import numpy as np

from models.character.act import Act
from models.character.brush import Brush, smooth, taper
from models.character.colour import mix
from models.character.turn import Points

__all__ = ["draw_brows", "draw_eyes"]

EYE_X, EYE_Y = 37.0, 17.0
HALF, UPPER, LOWER = 22.5, 19.5, 13.5  # half the width, and the lids' heights over and under the middle
IRIS = 15.2, 17.6
WHITE = (0.985, 0.975, 0.98)
PUPIL = (0.07, 0.04, 0.09)


def draw_eyes(brush: Brush, act: Act) -> None:
    for side in (-1, 1):
        _draw_eye(brush, act, side)


def _place(act: Act, side: int, local: Points, lift: float = 1.0) -> Points:
    """From the eye's own units (x outwards) onto the turned face."""
    scale = act.look.eye
    tilt = -act.look.tilt * local[:, :1] / HALF * np.array([[0.0, 1.0]])
    flat = (local * scale + tilt) * np.array([[side, 1.0]]) + np.array([[side * EYE_X, EYE_Y]])
    return act.turn.on_skin(flat, lift)


def _lids(act: Act, side: int) -> tuple[Points, Points]:
    """Upper and lower lid from the inner to the outer corner, `[5, 2]` each, in the eye's own units."""
    blink, wide = act.side("eyeBlink", side), act.side("eyeWide", side)
    squint = max(act.side("eyeSquint", side) * 0.7, act.side("cheekSquint", side))
    down = max(0.0, -act["leftEyePitch"]) / 25 * (1 - blink)
    top = UPPER * (1 + 0.16 * wide) * (1 - 0.32 * act.side("eyeSquint", side) - 0.45 * down)
    low = LOWER * (1 + 0.1 * wide) * (1 - 0.5 * squint)
    across = np.array([-1.0, -0.62, 0.02, 0.62, 1.0]) * HALF
    upper = np.stack([across, np.array([4.5, -0.60 * top, -top, -0.74 * top, -1.5])], 1)
    lower = np.stack([across, np.array([4.5, 0.80 * low, low, 0.72 * low, -1.5])], 1)
    bow = 1 - (across / HALF) ** 2
    smile = min(1.0, act.side("cheekSquint", side) * 1.4)
    shut = np.stack([across, lower[:, 1] * 0.86 * (1 - smile) + smile * (5.5 - 9.0 * bow)], 1)
    lower = lower + (shut - lower) * (blink * 0.75)
    return upper + (shut - upper) * blink, lower


def _draw_eye(brush: Brush, act: Act, side: int) -> None:
    look = act.look
    upper, lower = _lids(act, side)
    up, low = _place(act, side, upper), _place(act, side, lower)
    height = float(np.ptp(np.concatenate([upper, lower])[:, 1]))
    if act.side("eyeBlink", side) < 0.93 and height > 3:
        opening = smooth(up, low[::-1])
        brush.fill(opening, mix(WHITE, look.shade, 0.06))
        with brush.inside(opening):
            _draw_iris(brush, act, side)
            # what the upper lid and the lashes shade
            band = np.concatenate([up, (up + np.array([[0.0, 5.5]]))[::-1]])
            brush.fill(smooth(band[:5], band[5:]), mix(look.shade, (0.25, 0.15, 0.35), 0.5), 0.38)
    _draw_lashes(brush, act, side, upper, lower)


def _draw_iris(brush: Brush, act: Act, side: int) -> None:
    look, eye = act.look, act.look.eye
    pitch, yaw = act[f"{'left' if side > 0 else 'right'}EyePitch"], act[f"{'left' if side > 0 else 'right'}EyeYaw"]
    offset = np.array([[yaw / 35 * 10 * side - 0.8, -pitch / 25 * 8 - 2.0]])
    middle = _place(act, side, offset)[0]
    beside = _place(act, side, offset + np.array([[4.0, 0.0]]))[0]
    narrow = min(1.0, float(np.hypot(*(beside - middle))) / (4.0 * eye))
    rx, ry = IRIS[0] * eye * narrow, IRIS[1] * eye
    ring, dark = mix(look.iris, PUPIL, 0.72), mix(look.iris, PUPIL, 0.5)
    light = mix(look.iris, (1.0, 1.0, 0.92), 0.42)
    brush.oval(middle, (rx, ry), ring)
    x, y = middle.tolist()
    disc = smooth(_round(middle, rx * 0.9, ry * 0.91))
    brush.fade(disc, (dark, look.iris, light), along=(x, y - ry, x, y + ry))
    with brush.inside(disc):
        brush.glow(middle + np.array([0.0, ry * 0.62]), (rx * 0.8, ry * 0.5), mix(light, (1, 1, 1), 0.5), 0.75)
        brush.oval(middle - np.array([0.0, ry * 0.9]), (rx * 1.2, ry * 0.62), PUPIL, 0.28)
    brush.oval(middle + np.array([0.0, 0.5]), (rx * 0.42, ry * 0.45), PUPIL)
    lag = act.swing.iris
    brush.oval(middle + np.array([-0.36 * rx, -0.42 * ry]) + lag, (rx * 0.31, ry * 0.29), (1, 1, 1), 0.96)
    brush.oval(middle + np.array([0.40 * rx, 0.40 * ry]) + 0.5 * lag, (rx * 0.15, ry * 0.14), (1, 1, 1), 0.85)


def _round(middle: Points, rx: float, ry: float) -> Points:
    at = np.arange(8) * np.pi / 4
    return np.asarray(middle + np.stack([rx * np.cos(at), ry * np.sin(at)], 1))


def _draw_lashes(brush: Brush, act: Act, side: int, upper: Points, lower: Points) -> None:
    look = act.look
    ink = mix(look.ink, (0.07, 0.03, 0.06), 0.72)
    blink = act.side("eyeBlink", side)
    wing = np.array([[HALF + 3.6, upper[-1, 1] - 3.0 + 4.5 * blink]])
    line = _place(act, side, np.concatenate([upper, wing]) - np.array([[0.0, 0.6]]))
    weight = 3.5 * look.lashes
    brush.fill(taper(line, (0.8, 0.8 * weight, weight, 1.12 * weight, weight, 0.3)), ink)
    if look.lashes > 0.9:  # two that stand out at the outer corner
        for root, tip in (((0.80, 0.2), (7.0, -6.2)), ((0.55, 0.4), (4.8, -6.5))):
            start = np.array([[upper[3, 0] + (upper[4, 0] - upper[3, 0]) * root[0], 0.0]])
            start[0, 1] = upper[3, 1] + (upper[4, 1] - upper[3, 1]) * root[0]
            end = start + np.array([[tip[0], tip[1] * (1 - 1.5 * blink)]]) * 0.75
            brush.fill(
                taper(_place(act, side, np.concatenate([start, (start + end) / 2 + 0.4, end])), (2.4, 1.4, 0.2)), ink
            )
    brush.fill(taper(_place(act, side, lower[1:]), (0.3, 0.9, 1.5 * look.lashes, 1.2)), ink, 0.75 * (1 - blink))
    crease = upper[:, :] * np.array([[0.94, 1.0]]) - np.array([[0.0, 5.4 + 1.2 * (1 - blink)]])
    brush.fill(taper(_place(act, side, crease[1:]), (0.2, 1.3, 1.3, 0.3)), look.ink, 0.55)


def draw_brows(brush: Brush, act: Act, alpha: float = 1.0) -> None:
    """Once under the hair, and faintly again over it, so that they are always read."""
    look = act.look
    for side in (-1, 1):
        down, outer = act.side("browDown", side), act.side("browOuterUp", side)
        inner, squint = act["browInnerUp"], act.side("eyeSquint", side)
        lift = np.array(
            [-9.0 * inner + 8.5 * down, -6.5 * inner + 5 * down - 4 * outer, -3 * inner + 2 * down - 9 * outer]
        )
        lift = np.append(lift, 1.5 * inner - 7.0 * outer - 1.0 * down) + 1.5 * squint
        across = np.array([-18.0 - 0.0 * inner, -6.0, 9.0, 22.0]) - 3.0 * down + 1.0 * inner
        rest = np.array([-28.5, -32.5, -33.0, -26.0])
        line = np.stack([across, rest + lift - 1.5 * look.tilt * across / 40], 1)
        placed = act.turn.on_skin(line * np.array([[side, 1.0]]) + np.array([[side * EYE_X, EYE_Y]]), 2.0)
        weight = 4.0 * look.brow
        brush.fill(taper(placed, (0.25 * weight, 0.9 * weight, weight, 0.75 * weight, 0.2)), look.brow_colour, alpha)

"""The head itself: ears, the outline with jaw and cheeks, light and shade on the skin, the nose."""

from __future__ import annotations

import numpy as np
import skia

from models.character.act import Act
from models.character.brush import Brush, points, smooth, taper
from models.character.colour import mix
from models.character.turn import Points

__all__ = ["draw_ears", "draw_face", "draw_nose", "face_path"]

NOSE_Y = 50.0

# half an outline from the top down, and how far each of its points stands out
_HALF = points((0, -120), (48, -108), (74, -66), (80, -20), (79.5, 16), (74, 46), (58, 77), (34, 101), (14, 113))
_DEPTHS = np.array([0.0, 0, 0, 0, 2, 5, 13, 26, 36])
_CHIN = points((0, 116.5))
_CHIN_DEPTH = 40.0


def _outline(act: Act) -> tuple[Points, Points]:
    """The outline `[17, 2]` and its depths."""
    look = act.look
    low = np.clip((_HALF[:, 1] - 10) / 104, 0, 1)  # how much the jaw's width and the chin move a point
    drop = 11.0 * act["jawOpen"]
    sides = []
    for side in (1, -1):
        puff = 5.0 * act["cheekPuff"] + 2.0 * act.side("cheekSquint", side)
        half = _HALF.copy()
        half[:, 0] *= 1 + (look.jaw - 1) * low * 1.3
        half[:, 0] += puff * np.exp(-(((half[:, 1] - 55) / 22) ** 2)) - 2.0 * act["jawOpen"] * low
        half[:, 1] += (drop + 10 * (look.chin - 1)) * low**2
        half[:, 0] *= side
        half[:, 0] += 5.0 * (act["jawLeft"] - act["jawRight"]) * low
        sides.append(half)
    chin = _CHIN + np.array([[5.0 * (act["jawLeft"] - act["jawRight"]), drop + 10 * (look.chin - 1)]])
    whole = np.concatenate([sides[0], chin, sides[1][:0:-1]])
    return whole, np.concatenate([_DEPTHS, [_CHIN_DEPTH], _DEPTHS[:0:-1]])


def face_path(act: Act) -> skia.Path:
    """The skin that faces us."""
    return smooth(act.turn(*_outline(act)))


def draw_ears(brush: Brush, act: Act) -> None:
    look = act.look
    for side in (-1, 1):
        shell = points((76, -2), (87, -8), (93, 4), (89, 24), (80, 34), (74, 26)) * np.array([[side, 1.0]])
        path = smooth(act.turn(shell, -12.0))
        brush.fill(path, mix(look.skin, look.shade, 0.35))
        brush.line(path, 1.7, look.ink)
        inner = points((80, 2), (87, 0), (88, 10), (84, 22)) * np.array([[side, 1.0]])
        brush.fill(taper(act.turn(inner, -12.0), (0.4, 1.6, 1.6, 0.4)), mix(look.shade, look.ink, 0.4), 0.8)


def draw_face(brush: Brush, act: Act, hair_shadow: skia.Path) -> None:
    """Skin with its light: from the upper left, warm; the fringe's shadow, cheeks."""
    look = act.look
    path = face_path(act)
    lit = mix(look.skin, (1.0, 0.97, 0.92), 0.22)
    brush.fade(path, (lit, look.skin, mix(look.skin, look.shade, 0.45)), along=(-50, -60, 62, 112))
    with brush.inside(path):
        inner = act.turn(points((72, -60), (72, 18), (63, 54), (38, 88), (4, 110), (-30, 106), (-52, 88)), 24.0)
        rim = points((-60, 150), (150, 150), (150, -60))
        brush.fill(smooth(inner, np.concatenate([inner[-1:], rim, inner[:1]])), look.shade, 0.30)
        for side in (-1, 1):
            cheek = act.turn.on_skin(points((side * 48, 51 - 4 * act.side("cheekSquint", side))))[0]
            glow = (0.42 + 0.3 * act.side("cheekSquint", side)) * (0.35 + 0.65 * look.skin[1])
            brush.glow(cheek, (22, 13), look.blush, min(0.9, glow))
            if look.freckles:
                _draw_freckles(brush, act, side)
        brush.fill(hair_shadow, look.shade, 0.62)
    brush.line(path, 2.0, look.ink)


def _draw_freckles(brush: Brush, act: Act, side: int) -> None:
    spots = points((36, 47), (43, 52), (50, 46), (31, 54), (55, 53), (46, 44), (24, 50)) * np.array([[side, 1.0]])
    for spot in act.turn.on_skin(spots):
        brush.oval(spot, (1.0, 1.0), mix(act.look.shade, act.look.ink, 0.35), 0.6)


def draw_nose(brush: Brush, act: Act) -> None:
    look = act.look
    sneer = act.both("noseSneer")
    lift = -2.0 * sneer
    tip = act.turn.on_skin(points((0, NOSE_Y - 4 + lift)), 13.0)[0]
    brush.glow(tip, (9, 8), mix(look.skin, look.blush, 0.7), 0.35)
    brush.oval(tip + np.array([-2.0, -2.0]), (2.6, 2.0), mix(look.skin, (1, 1, 1), 0.6), 0.55)
    wings = points(
        (-6.5, NOSE_Y + lift), (-3.0, NOSE_Y + 3.6 + lift), (0, NOSE_Y + 4.4 + lift), (3.0, NOSE_Y + 3.6 + lift)
    )
    wings = np.concatenate([wings, points((6.5, NOSE_Y + lift))])
    brush.fill(taper(act.turn.on_skin(wings, 10.0), (0.3, 1.4, 2.0, 1.4, 0.3)), look.ink, 0.72)
    bridge = points((5.5, 20), (4.4, 32), (6.4, 43))
    brush.fill(taper(act.turn.on_skin(bridge, 7.0), (0.2, 2.4, 0.4)), look.shade, 0.55)
    if sneer > 0.2:
        for side in (-1, 1):
            fold = points((side * 5, 26), (side * 7.5, 31), (side * 8, 36))
            brush.fill(taper(act.turn.on_skin(fold, 6.0), (0.3, 1.5, 0.3)), look.ink, 0.6 * sneer)

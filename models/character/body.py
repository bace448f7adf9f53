"""Neck, shoulders and clothes, and what is worn on the head: glasses, a headset, a clip."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from models.character.act import Act
from models.character.brush import Brush, points, smooth, taper
from models.character.colour import Colour, mix
from models.character.eyes import EYE_X, EYE_Y
from models.character.turn import Points

__all__ = ["draw_body", "draw_collar", "draw_neck", "draw_worn"]

LIGHT: Colour = (1.0, 0.98, 0.95)
DARK: Colour = (0.08, 0.06, 0.16)
_LOWEST_SKIN = {"hoodie": 174.0, "blazer": 178.0, "turtleneck": 150.0, "shirt": 184.0}


def _width(act: Act) -> float:
    return 1.0 + 1.5 * (act.look.jaw - 1.0)


def draw_neck(brush: Brush, act: Act) -> None:
    """Neck and what the collar leaves free, in the shade of the chin; the neck follows the head above."""
    look, w = act.look, _width(act)
    rise = -3.0 * act["breath"]
    low = _LOWEST_SKIN[look.clothes] + rise
    left, right = act.turn(points((-29 * w, 84), (29 * w, 84)), -6.0)
    down = np.array([right, (27.5 * w, 116), (33 * w, 136 + 0.5 * rise)])
    up = np.array([(-33 * w, 136 + 0.5 * rise), (-27.5 * w, 116), left])
    front = np.array([(20, 160 + rise), (0, low), (-20, 160 + rise)])
    path = smooth(down, np.concatenate([down[-1:], front[:2]]), np.concatenate([front[1:], up[:1]]), up)
    brush.fade(path, (mix(look.skin, look.shade, 0.55), mix(look.skin, look.shade, 0.1)), along=(0, 110, 0, 180))
    with brush.inside(path):
        shade = act.turn(points((-60, 60), (-46, 98), (-26, 122), (2, 137), (34, 128), (56, 60)), 20.0)
        brush.fill(smooth(shade), mix(look.shade, look.ink, 0.2), 0.8)
        for side in (-1, 1):
            bone = points((side * 5, 157 + rise), (side * 15, 150 + rise), (side * 30, 148 + rise))
            brush.fill(taper(bone, (0.4, 1.6, 0.3)), look.shade, 0.7)
    brush.line(path, 1.8, look.ink)


def draw_body(brush: Brush, act: Act) -> None:
    """Shoulders, which rise with the breath, and what is worn on them."""
    rise = -3.0 * act["breath"]
    w = _width(act)
    right = points((30 * w, 126), (52 * w, 146 + rise), (104 * w, 161 + rise), (134 * w, 188 + rise), (150 * w, 320))
    left = right[::-1] * np.array([[-1.0, 1.0]])
    torso = smooth(right, np.concatenate([right[-1:], left[:1]]), left, np.concatenate([left[-1:], right[:1]]))
    cloth = act.look.cloth
    brush.fade(torso, (mix(cloth, LIGHT, 0.14), cloth, mix(cloth, DARK, 0.35)), along=(-70, 140, 60, 290))
    brush.line(torso, 2.2, mix(cloth, DARK, 0.7))
    with brush.inside(torso):
        for side in (-1, 1):
            fold = points((side * 96 * w, 232 + rise), (side * 90 * w, 262), (side * 96 * w, 300))
            brush.fill(taper(fold, (0.4, 3.2, 1.0)), mix(cloth, DARK, 0.45), 0.7)


def draw_collar(brush: Brush, act: Act) -> None:
    """What lies around the neck."""
    rise = -3.0 * act["breath"]
    {"hoodie": _hoodie, "blazer": _blazer, "turtleneck": _turtleneck, "shirt": _shirt}[act.look.clothes](
        brush, act, rise
    )


def _piece(brush: Brush, around: Points, cloth: Colour, *corners: int) -> None:
    """A piece of cloth with light from above, corners at the given points."""
    cuts = [0, *corners, len(around)]
    closed = np.concatenate([around, around[:1]])
    path = smooth(*(closed[a : b + 1] for a, b in pairwise(cuts)))
    y0, y1 = float(around[:, 1].min()), float(around[:, 1].max())
    brush.fade(path, (mix(cloth, LIGHT, 0.12), mix(cloth, DARK, 0.15)), along=(0, y0, 0, y1))
    brush.line(path, 1.9, mix(cloth, DARK, 0.7))


def _hoodie(brush: Brush, act: Act, rise: float) -> None:
    look, w = act.look, _width(act)
    inner = mix(look.cloth2, DARK, 0.1)
    for side in (-1, 1):
        hood = points(
            (30 * w, 124),
            (56 * w, 134 + rise),
            (70 * w, 152 + rise),
            (46 * w, 178 + rise),
            (4, 206 + rise),
            (12, 184 + rise),
            (30 * w, 158 + rise),
        )
        _piece(brush, hood * np.array([[side, 1.0]]), look.cloth, 4)
        lining = points(
            (29 * w, 126),
            (36 * w, 150 + rise),
            (20, 176 + rise),
            (5, 196 + rise),
            (12, 178 + rise),
            (25 * w, 152 + rise),
        )
        brush.fill(smooth(lining * np.array([[side, 1.0]])), inner, 0.9)
        string = points(
            (side * 15, 190 + rise), (side * 19, 214 + rise), (side * 17, 244)
        ) + act.swing.lengths * np.array([[0.0], [0.1], [0.25]])
        brush.fill(taper(string, (2.6, 2.6, 2.6)), mix(look.cloth2, LIGHT, 0.3))
        brush.fill(
            taper(string[2:] + np.array([[0.0, 0.0], [0.0, 5.0], [0, 10]]), (4, 4.4, 4)), mix(look.cloth2, LIGHT, 0.5)
        )


def _blazer(brush: Brush, act: Act, rise: float) -> None:
    look, w = act.look, _width(act)
    shirt = mix(look.cloth2, LIGHT, 0.55)
    sides = points((-40 * w, 150), (0, 172 + rise), (40 * w, 150), (0, 310), (-40 * w, 150))
    front = smooth(sides[:3], sides[2:])
    brush.fade(front, (mix(shirt, DARK, 0.12), shirt), along=(0, 150, 0, 220))
    for side in (-1, 1):
        flip = np.array([[side, 1.0]])
        collar = points((32 * w, 126), (38 * w, 140 + rise), (24, 182 + rise), (0, 176 + rise), (20, 154 + rise))
        _piece(brush, collar * flip, shirt, 2, 3)
        lapel = points(
            (38 * w, 136),
            (60 * w, 148 + rise),
            (64 * w, 188 + rise),
            (46 * w, 192 + rise),
            (3, 300),
            (0, 262 + rise),
            (14, 212 + rise),
        )
        _piece(brush, lapel * flip, mix(look.cloth, DARK, 0.12), 2, 3, 4)


def _turtleneck(brush: Brush, act: Act, rise: float) -> None:
    look, w = act.look, _width(act)
    tube = points(
        (-34 * w, 114),
        (-38 * w, 136),
        (-44 * w, 152 + rise),
        (0, 166 + rise),
        (44 * w, 152 + rise),
        (38 * w, 136),
        (34 * w, 114),
        (0, 126),
    )
    _piece(brush, tube, look.cloth, 2, 4, 6)
    rib = mix(look.cloth, DARK, 0.5)
    for at in np.linspace(-0.8, 0.8, 7).tolist():
        drop = 12 * (1 - at * at)
        line = points((at * 33 * w, 118 + drop * 0.7), (at * 37 * w, 136 + drop), (at * 40 * w, 150 + drop + rise))
        brush.fill(taper(line, (0.4, 1.4, 0.4)), rib, 0.6)
    fold = points((-38 * w, 138), (0, 152), (38 * w, 138))
    brush.fill(taper(fold, (0.5, 2.4, 0.5)), rib, 0.7)


def _shirt(brush: Brush, act: Act, rise: float) -> None:
    look, w = act.look, _width(act)
    for side in (-1, 1):
        collar = points((32 * w, 122), (48 * w, 140 + rise), (36, 186 + rise), (2, 186 + rise), (22, 156 + rise))
        _piece(brush, collar * np.array([[side, 1.0]]), mix(look.cloth, LIGHT, 0.12), 2, 3)
    placket = points((0, 186 + rise), (0.5, 240), (0, 310))
    brush.fill(taper(placket, (1.2, 1.6, 1.6)), mix(look.cloth, DARK, 0.6))
    for y in (214.0, 254.0):
        brush.oval(np.array([5.5, y + rise]), (2.4, 2.4), mix(look.cloth2, LIGHT, 0.5))


def draw_worn(brush: Brush, act: Act) -> None:
    """Over hair and face."""
    worn = act.look.accessory
    if "glasses" in worn:
        _glasses(brush, act, round_="round" in worn)
    elif worn == "headset":
        _headset(brush, act)
    elif worn == "hair clip":
        clip = act.turn(points((-72, -40), (-54, -48), (-51, -42), (-69, -34)), 34.0)
        brush.fill(smooth(clip), mix(act.look.cloth, LIGHT, 0.35))
        brush.line(smooth(clip), 1.5, mix(act.look.cloth, DARK, 0.5))


def _glasses(brush: Brush, act: Act, *, round_: bool) -> None:
    frame, turn = mix(act.look.cloth2, DARK, 0.72), act.turn
    for side in (-1, 1):
        corners = 2.0 if round_ else 3.6
        at = np.arange(12) * np.pi / 6
        rx, ry = (28.0, 27.0) if round_ else (30.0, 22.5)
        x = np.sign(np.cos(at)) * np.abs(np.cos(at)) ** (2 / corners) * rx + side * EYE_X
        y = np.sign(np.sin(at)) * np.abs(np.sin(at)) ** (2 / corners) * ry + EYE_Y + 2
        rim = smooth(turn.on_skin(np.stack([x, y], 1), 13.0))
        brush.fill(rim, (0.93, 0.97, 1.0), 0.13)
        with brush.inside(rim):
            gleam = turn.on_skin(points((side * EYE_X - 26, 26), (side * EYE_X + 4, -14)), 13.0)
            brush.fill(taper(gleam, (5, 5)), (1, 1, 1), 0.22)
        brush.line(rim, 3.0, frame)
        arm = turn(
            points((side * 66, EYE_Y - 6), (side * 78, EYE_Y - 8), (side * 86, EYE_Y - 4)), np.array([44.0, 18, -8])
        )
        brush.fill(taper(arm, (3.2, 3, 2.6)), frame)
    bridge = points((-9, EYE_Y - 2), (0, EYE_Y - 6), (9, EYE_Y - 2))
    brush.fill(taper(turn.on_skin(bridge, 13.0), (3, 2.6, 3)), frame)


def _headset(brush: Brush, act: Act) -> None:
    shell, turn = mix(act.look.cloth2, DARK, 0.55), act.turn
    band = points((-94, -4), (-98, -70), (-62, -136), (0, -158), (62, -136), (98, -70), (94, -4))
    brush.fill(taper(turn(band, -4.0), (9, 9, 10, 11, 10, 9, 9)), shell)
    brush.fill(
        taper(turn(band * np.array([[0.985, 0.99]]), -4.0), (1, 2, 2.4, 2.4, 2.4, 2, 1)), mix(shell, LIGHT, 0.4), 0.7
    )
    for side in (-1, 1):
        cup = turn(
            points((84, -16), (98, -18), (106, 6), (100, 36), (86, 38), (80, 12)) * np.array([[side, 1.0]]), -2.0
        )
        path = smooth(cup)
        brush.fade(path, (mix(shell, LIGHT, 0.25), mix(shell, DARK, 0.3)), along=(0, -20, 0, 40))
        brush.line(path, 1.8, mix(shell, DARK, 0.7))
    boom = np.concatenate(
        [turn(points((-92, 26), (-88, 66)), 0.0), turn(points((-66, 92), (-44, 97)), np.array([30.0, 44.0]))]
    )
    brush.fill(taper(boom, (3, 2.6, 2.6, 3)), mix(shell, DARK, 0.4))
    brush.oval(boom[-1], (7.5, 5), mix(shell, DARK, 0.55))

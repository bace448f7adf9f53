"""The mouth: lips whose shape follows the rig, and behind them teeth that stay with skull and jaw, and a tongue.

The gap between the lips grows with the rig's `aperture`; corners follow smile, frown, stretch, pucker and funnel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.character.act import Act
from models.character.brush import Brush, points, smooth, taper
from models.character.colour import Colour, mix
from models.character.turn import Points

__all__ = ["MOUTH_Y", "draw_mouth"]

MOUTH_Y = 77.0
HALF = 21.0
DROP = 29.0  # how far the lower lip falls at the widest
CAVE_TOP, CAVE_LOW = (0.34, 0.08, 0.12), (0.52, 0.15, 0.18)
TONGUE, TONGUE_LIGHT = (0.86, 0.42, 0.44), (0.95, 0.60, 0.60)
TEETH, TEETH_SHADE = (0.99, 0.975, 0.96), (0.80, 0.73, 0.76)


@dataclass(frozen=True, slots=True)
class _Lips:
    """Inner edges of both lips, from our left to our right, `[7, 2]` each; thickness in units; `gap` in the middle."""

    upper: Points
    lower: Points
    thick_upper: float
    thick_lower: float
    gap: float


def _lips(act: Act) -> _Lips:
    smile, frown, stretch = act.both("mouthSmile"), act.both("mouthFrown"), act.both("mouthStretch")
    pucker, funnel, press = act["mouthPucker"], act["mouthFunnel"], act.both("mouthPress")
    open_ = act["jawOpen"] - act["mouthClose"]
    raised, lowered = act.both("mouthUpperUp"), act.both("mouthLowerDown")
    half = HALF * (1 + 0.42 * smile + 0.26 * stretch + 0.05 * press - 0.42 * pucker - 0.26 * funnel - 0.12 * open_)
    up = 2.2 * open_ + 5.0 * raised + 2.6 * funnel * (0.4 + open_)
    down = DROP * open_ + 5.5 * lowered + 3.0 * funnel * (0.3 + open_) + 2.0 * act["tongueOut"] * (1 - open_)
    down -= 1.6 * act["mouthRollLower"] * min(1.0, down)
    at = np.linspace(-1, 1, 7)
    # rounder when rounded: the corners leave the line sooner
    sharp = 2.0 + 0.6 * funnel + 1.2 * max(open_ - 0.3, 0)
    bow = (1 - np.abs(at) ** sharp) ** (0.88 - 0.3 * max(min(1.0, pucker + funnel), open_))
    corner = np.abs(at) ** 2.2
    rise = np.where(at < 0, act["mouthSmileRight"], act["mouthSmileLeft"]) * -8.5
    rise = rise + np.where(at < 0, act["mouthFrownRight"], act["mouthFrownLeft"]) * 7.0
    middle = 2.2 * smile - 2.0 * frown - 2.5 * act["mouthShrugLower"] * (1 - min(1.0, 3 * open_))
    line = corner * rise * (1 - 0.35 * open_) + middle * (1 - corner) + 0.35 * down * corner * 0.4
    dip = 0.9 * np.exp(-((at / 0.16) ** 2)) - 0.7 * np.exp(-(((np.abs(at) - 0.36) / 0.2) ** 2))  # Cupid's bow
    shift = 6.0 * (act["mouthLeft"] - act["mouthRight"]) + 4.0 * (act["jawLeft"] - act["jawRight"])
    x = at * half + shift
    full = act.look.lips
    return _Lips(
        upper=np.stack([x, MOUTH_Y + line - up * bow + dip * (0.6 + 0.5 * full)], 1),
        lower=np.stack([x, MOUTH_Y + line + down * bow + dip * (0.6 + 0.5 * full) * (1 - min(1.0, down / 4))], 1),
        thick_upper=(1.6 + 3.0 * full + 1.2 * pucker) * (1 - 0.55 * act["mouthRollUpper"] - 0.4 * press),
        thick_lower=(2.2 + 3.8 * full + 1.6 * pucker) * (1 - 0.55 * act["mouthRollLower"] - 0.35 * press),
        gap=up + down,
    )


def draw_mouth(brush: Brush, act: Act) -> None:
    lips = _lips(act)
    out = 2.0 + 7.0 * act["mouthPucker"] + 4.0 * act["mouthFunnel"]
    upper, lower = act.turn.on_skin(lips.upper, out), act.turn.on_skin(lips.lower, out)
    _draw_lip_skin(brush, act, lips, out)
    if lips.gap > 0.9:
        opening = smooth(upper, lower[::-1])
        brush.fade(opening, (CAVE_TOP, CAVE_LOW), along=(0, float(upper[3, 1]), 0, float(lower[3, 1])))
        with brush.inside(opening):
            _draw_inside(brush, act, lips)
        brush.line(opening, 0.9, mix(act.look.ink, CAVE_TOP, 0.5), 0.75)
    _draw_lines(brush, act, lips, upper, lower)


def _draw_lip_skin(brush: Brush, act: Act, lips: _Lips, out: float) -> None:
    look = act.look
    at = np.linspace(-1, 1, 7)
    swell = (1 - np.abs(at) ** 3.2)[:, None] * np.array([[0.0, 1.0]])
    notch = (1 - 0.35 * np.exp(-((at / 0.16) ** 2)))[:, None]
    above = act.turn.on_skin(lips.upper - swell * lips.thick_upper * notch, out)
    below = act.turn.on_skin(lips.lower + swell * lips.thick_lower, out)
    seam = act.turn.on_skin((lips.upper + lips.lower) / 2, out)
    strength = 0.30 + 0.55 * look.lips
    brush.fill(smooth(above, seam[::-1]), mix(look.lip, look.ink, 0.12), strength)
    brush.fill(smooth(seam, below[::-1]), look.lip, strength * 0.92)
    # the shade under the lower lip, which says how full it is
    under = below[1:-1] + np.array([[0.0, 2.6]])
    brush.fill(
        taper(under * np.array([[0.6, 1.0]]) + np.array([[0.4 * float(under[2, 0]), 0.0]]), (0.2, 2.0, 0.2)),
        look.shade,
        0.55,
    )
    if look.lips > 0.3:
        shine = act.turn.on_skin(lips.lower[2:5] + np.array([[0.0, lips.thick_lower * 0.42]]), out)
        brush.fill(
            taper(shine, (0.2, lips.thick_lower * 0.26, 0.2)), mix(look.lip, (1, 0.93, 0.9), 0.7), 0.5 * look.lips
        )


def _draw_inside(brush: Brush, act: Act, lips: _Lips) -> None:
    """Teeth above stay with the skull, those below and the tongue with the jaw; the tongue's tip rises for th and l."""
    open_ = act["jawOpen"] - act["mouthClose"]
    x, half = float(lips.upper[3, 0]), float(np.ptp(lips.upper[:, 0])) / 2
    jaw = MOUTH_Y + 4.0 + DROP * open_
    row = np.linspace(-1, 1, 5)
    low = np.stack([x + row * half * 0.72, jaw - 4.6 + 1.4 * row**2], 1)
    bare = _faded(0.35 - act["tongueOut"], 0.1)
    _draw_teeth(brush, act, low, low + np.array([[0.0, 9.0]]), mix(TEETH, TEETH_SHADE, 0.55), bare)
    lift = min(1.0, 2.2 * act["tongueOut"])
    top = jaw - 4.0 - 9.5 * open_
    tip = act.turn.on_skin(points((x, top + lift * (MOUTH_Y + 1.5 - top) + 9.0)), -5.0 + 9.0 * lift)[0]
    seen = max(_faded(open_ - 0.22, 0.1), _faded(lift, 0.3))
    brush.oval(tip, (half * 0.62, 9.5), TONGUE, seen)
    brush.oval(tip - np.array([0.0, 3.0]), (half * 0.40, 4.6), TONGUE_LIGHT, 0.6 * seen)
    edge = MOUTH_Y + 1.0 + 4.6 * min(1.0, lips.gap / 13)
    above = np.stack([x + row * max(half * 0.9, 10.0), np.full(5, MOUTH_Y - 8.0)], 1)
    _draw_teeth(brush, act, above, np.stack([x + row * max(half * 0.86, 9.5), edge - 1.8 * row**2], 1), TEETH)
    shadow = act.turn.on_skin(lips.upper, 0.0)
    brush.fill(smooth(shadow, (shadow + np.array([[0.0, 1.7]]))[::-1]), CAVE_TOP, 0.30)


def _faded(above: float, over: float) -> float:
    """0 to 1 while `above` goes from 0 to `over`: nothing in a mouth that moves may appear at once."""
    return min(1.0, max(0.0, above / over))


def _draw_teeth(brush: Brush, act: Act, top: Points, low: Points, colour: Colour, strength: float = 1.0) -> None:
    above, below = act.turn.on_skin(top, -2.0), act.turn.on_skin(low, -2.0)[::-1]
    sides = np.stack([above[-1], below[0]]), np.stack([below[-1], above[0]])
    brush.fill(smooth(above, sides[0], below, sides[1]), colour, strength)


def _draw_lines(brush: Brush, act: Act, lips: _Lips, upper: Points, lower: Points) -> None:
    look = act.look
    ink = mix(look.ink, CAVE_TOP, 0.35)
    seam = upper if lips.gap > 0.9 else (upper + lower) / 2
    brush.fill(taper(seam, (0.9, 1.6, 2.0, 1.5, 2.0, 1.6, 0.9)), ink, 0.92)
    for side, end in ((-1, seam[0]), (1, seam[-1])):
        pull = act.side("mouthDimple", side) + act.side("mouthSmile", side) * 0.8 + act.side("mouthPress", side) * 0.5
        if pull > 0.15:
            tick = end + np.array([[0.0, 0.0], [side * 2.2, -1.2 * pull], [side * 3.0, -4.0 * pull]])
            brush.fill(taper(tick, (1.2, 1.2, 0.2)), ink, min(1.0, pull) * 0.8)

"""Hair: a mass behind the head, a cap over it, and locks that hang from the crown and swing.

A lock is a line through a few points that swells and tapers to its tip; how far a point swings grows towards the tip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import skia
from numpy.typing import NDArray

from models.character.act import Act
from models.character.brush import Brush, points, sampled, smooth, taper
from models.character.colour import mix
from models.character.turn import Points

__all__ = ["Hung", "draw_back_hair", "draw_front_hair", "fringe", "fringe_shadow"]

FINE = 0.76  # of lines between locks: thinner than a pixel at 512, where Skia draws them in a third of the time


@dataclass(frozen=True, slots=True, eq=False)
class Lock:
    """`line` from root to tip, `depth` of each of its points, `weight`: how much each swings; `width` at its widest."""

    line: Points
    width: float
    depth: NDArray[np.float64]
    weight: NDArray[np.float64]

    def mirrored(self) -> Lock:
        return Lock(self.line * np.array([[-1.0, 1.0]]), self.width, self.depth, self.weight)


def _depth(line: Points) -> NDArray[np.float64]:
    """Over the skin at the front, back to the axis at the temples."""
    return 10 + 46 * np.sqrt(np.clip(1 - (line[:, 0] / 92) ** 2, 0, 1)) * np.clip((line[:, 1] + 170) / 90, 0.25, 1)


def _hung(width: float, line: Points, depth: NDArray[np.float64]) -> Lock:
    return Lock(line, width, depth, np.linspace(0, 1, len(line))[:, None] ** 1.8)


def _lock(width: float, *line: tuple[float, float]) -> Lock:
    """On the face."""
    return _hung(width, points(*line), _depth(points(*line)))


def _behind(width: float, *line: tuple[float, float]) -> Lock:
    """At the back of the head."""
    return _hung(width, points(*line), np.linspace(-10, -30, len(line)))


_SWEPT = (
    _lock(38, (30, -137), (-26, -127), (-73, -80), (-84, -4), (-77, 44)),
    _lock(38, (30, -137), (60, -120), (79, -70), (85, 0), (78, 44)),
    _lock(36, (30, -136), (-24, -122), (-62, -74), (-71, -18), (-65, 10)),
    _lock(30, (30, -136), (58, -112), (71, -62), (69, -16), (61, 6)),
    _lock(36, (30, -136), (-10, -118), (-40, -72), (-48, -30), (-37, -4)),
    _lock(36, (30, -136), (8, -114), (-14, -74), (-21, -38), (-9, -12)),
    _lock(28, (30, -136), (46, -110), (48, -70), (41, -38), (48, -16)),
    _lock(32, (30, -136), (25, -112), (16, -76), (9, -46), (19, -22)),
)
_CURTAIN_HALF = (
    _lock(40, (0, -139), (42, -127), (77, -78), (86, 0), (79, 60)),
    _lock(38, (0, -139), (34, -124), (67, -80), (79, -22), (70, 34)),
    _lock(32, (0, -138), (24, -120), (54, -84), (71, -36), (57, 4)),
    _lock(24, (0, -138), (12, -118), (33, -88), (50, -52), (45, -20)),
)
_BLUNT = (
    _lock(36, (-6, -138), (-44, -125), (-75, -74), (-85, 6), (-81, 64)),
    _lock(36, (6, -138), (44, -125), (75, -74), (85, 6), (81, 64)),
    *(
        _lock(30, (x * 0.10, -137), (x * 0.66, -116), (x * 0.97, -72), (x, -36), (x * 0.99 + 1.5, -13 + abs(x) * 0.10))
        for x in (-63.0, 63.0, -42.0, 42.0, -21.0, 21.0, 0.0)
    ),
)
_TOUSLED = (
    _lock(24, (-6, -116), (-26, -142), (-44, -152), (-60, -150)),
    _lock(26, (8, -116), (0, -146), (-12, -160), (-26, -166)),
    _lock(26, (18, -116), (26, -146), (34, -158), (48, -163)),
    _lock(22, (30, -112), (56, -134), (72, -138), (84, -134)),
    _lock(22, (-50, -60), (-80, -74), (-92, -70), (-101, -58)),
    _lock(22, (50, -60), (80, -70), (92, -64), (102, -50)),
    _lock(36, (12, -139), (-42, -126), (-76, -74), (-84, -12), (-80, 24)),
    _lock(36, (12, -139), (54, -123), (79, -70), (85, -12), (80, 24)),
    _lock(34, (12, -138), (-34, -126), (-66, -82), (-75, -38), (-60, -8)),
    _lock(32, (12, -138), (50, -120), (69, -78), (70, -40), (76, -12)),
    _lock(34, (12, -138), (-18, -122), (-42, -80), (-51, -46), (-32, -20)),
    _lock(30, (12, -138), (38, -116), (48, -78), (45, -48), (56, -22)),
    _lock(34, (12, -138), (-4, -116), (-15, -78), (-21, -50), (1, -28)),
    _lock(28, (12, -138), (22, -114), (24, -80), (20, -54), (33, -33)),
)
FRINGE: dict[str, tuple[Lock, ...]] = {
    "swept": _SWEPT,
    "curtain": tuple(side for lock in _CURTAIN_HALF for side in (lock.mirrored(), lock)),
    "blunt": _BLUNT,
    "tousled": _TOUSLED,
    "curls": (),
}
_LONG_HALF = (
    _behind(58, (30, -110), (72, -50), (84, 50), (86, 140), (98, 222)),
    _behind(50, (20, -100), (58, -20), (64, 80), (60, 150), (66, 216)),
)
_BOB_HALF = (_behind(56, (30, -110), (68, -60), (76, 20), (74, 80), (48, 116)),)
_SHORT_HALF = (_behind(44, (30, -100), (66, -60), (72, 0), (68, 44), (52, 70)),)
_TAIL = (
    _behind(44, (58, -112), (118, -96), (136, -20), (126, 60), (140, 122)),
    _behind(34, (60, -110), (106, -84), (116, -10), (110, 50), (112, 96)),
)


class Hung(NamedTuple):
    """A lock as it is seen now."""

    line: Points
    path: skia.Path
    width: float


def _hang(act: Act, lock: Lock, swing: Points) -> Hung:
    line = _seen(act, lock, swing)
    return Hung(line, _shape(line, lock.width), lock.width)


def fringe(act: Act) -> list[Hung]:
    """The locks over the forehead, from back to front; none for curls."""
    return [_hang(act, lock, act.swing.fringe) for lock in FRINGE[act.look.fringe]]


def _seen(act: Act, lock: Lock, swing: Points) -> Points:
    """Where a lock hangs now: the tip swings whole, the root not at all."""
    return act.turn(lock.line, lock.depth) + lock.weight * swing


def _shape(line: Points, width: float) -> skia.Path:
    return taper(line, (width * 0.16, width * 0.8, width, width * 0.84, width * 0.48, 0.2))


def _draw_lock(brush: Brush, act: Act, hung: Hung) -> None:
    look, (line, path, width) = act.look, hung
    ends = (*line[0].tolist(), *line[-1].tolist())
    brush.fade(path, (mix(look.hair, look.hair_dark, 0.5), look.hair), along=ends)
    brush.line(path, FINE, look.hair_ink, 0.85)
    fine = sampled(line, 6)
    count = len(fine)
    lit = fine[count * 30 // 100 : count * 58 // 100 : 2]
    brush.fill(taper(lit, (0.2, width * 0.3, width * 0.36, width * 0.2, 0.2)), look.hair_light, 0.48)
    strand = fine[count * 52 // 100 : count * 92 // 100 : 3] + np.array([[width * 0.14, 0.0]])
    brush.fill(taper(strand, (0.2, 1.3, 0.2)), look.hair_ink, 0.4)


def draw_back_hair(brush: Brush, act: Act) -> None:
    """What is behind neck and shoulders."""
    look, back = act.look, act.look.back
    dark = mix(look.hair_dark, look.hair_ink, 0.25)
    if back == "curls":
        _draw_curls(brush, act, _BACK_CURLS, dark, -25.0)
        return
    if back in ("ponytail", "buns"):
        _draw_gathered(brush, act)
    halves = {"long": _LONG_HALF, "bob": _BOB_HALF}.get(back, _SHORT_HALF)
    low = max(float(lock.line[-1, 1]) for lock in halves)
    for lock in halves:
        for one in (lock, lock.mirrored()):
            line = _seen(act, one, act.swing.lengths)
            path = _shape(line, one.width)
            brush.fade(path, (look.hair_dark, dark), along=(0, -60, 0, low))
            brush.line(path, 1.5, look.hair_ink, 0.9)
    middle = points(
        (-80, -60), (0, -110), (80, -60), (76, low * 0.55), (40, low * 0.72), (-40, low * 0.72), (-76, low * 0.55)
    )
    brush.fill(smooth(act.turn(middle, -30.0) + act.swing.lengths * np.array([[0.2, 0.1]])), dark)


def _draw_gathered(brush: Brush, act: Act) -> None:
    look = act.look
    if look.back == "ponytail":
        for lock in _TAIL:
            _draw_lock(brush, act, _hang(act, lock, 1.6 * act.swing.lengths))
        tie = act.turn(points((66, -108), (74, -118), (82, -104), (74, -94)), -25.0)
        brush.fill(smooth(tie), look.cloth)
        return
    for side in (-1, 1):
        at = act.turn(points((side * 64, -126)), -12.0)[0] + 0.3 * act.swing.fringe
        bun = smooth(at + 28 * np.stack([np.cos(np.arange(9) * 0.698), np.sin(np.arange(9) * 0.698)], 1))
        x, y = at.tolist()
        brush.fade(bun, (look.hair_light, look.hair, look.hair_dark), along=(x - 26, y - 26, x + 22, y + 26))
        brush.line(bun, 1.6, look.hair_ink)
        curl = at + points((-16, 8), (-12, -12), (8, -15), (17, 2), (6, 14), (-5, 5))
        brush.fill(taper(curl, (0.3, 1.8, 1.8, 1.8, 0.3)), look.hair_ink, 0.6)


_CAP = points((-84, 22), (-90, -22), (-88, -70), (-66, -118), (-26, -142), (14, -146), (56, -132), (84, -88))
_CAP = np.concatenate([_CAP, points((91, -34), (84, 22))])
_HAIRLINE = points((84, 22), (77, -26), (58, -62), (22, -82), (-22, -82), (-58, -62), (-77, -26), (-84, 22))


def fringe_shadow(act: Act, locks: Sequence[Hung]) -> skia.Path:
    """What the fringe shades on the skin: itself, a little lower."""
    path = skia.Path()
    for lock in locks:
        path.addPath(lock.path, 2.0, 8.0)
    if not locks:
        for (x, y), r in zip(act.turn.on_skin(_FRONT_CURLS[:, :2]).tolist(), _FRONT_CURLS[:, 2].tolist(), strict=True):
            path.addCircle(x + 1, y + 6, r)
    return path


def draw_front_hair(brush: Brush, act: Act, locks: Sequence[Hung]) -> None:
    look = act.look
    outer, inner = act.turn(_CAP, 0.0), act.turn(_HAIRLINE, np.array([4.0, 12, 26, 40, 40, 26, 12, 4]))
    cap = smooth(outer, inner)
    if not locks:
        _draw_curls(brush, act, _CAP_CURLS, look.hair_dark, -6.0)
        brush.fill(cap, look.hair)
        _draw_curls(brush, act, _FRONT_CURLS, look.hair, 0.0)
        return
    brush.fade(cap, (mix(look.hair, look.hair_light, 0.5), look.hair, look.hair_dark), along=(-40, -150, 10, -40))
    brush.line(smooth(outer, closed=False), 2.0, look.hair_ink)
    for lock in locks:
        _draw_lock(brush, act, lock)
    _draw_crown(brush, act)


def _draw_crown(brush: Brush, act: Act) -> None:
    """Strands that run over the top, and the one hair that stays up."""
    look = act.look
    part = float(FRINGE[look.fringe][-1].line[0, 0])
    for lean in (-0.9, -0.5, 0.45, 0.85):
        strand = points(
            (part, -137), (part + lean * 30, -139 + abs(lean) * 5), (part + lean * 56, -124 + abs(lean) * 14)
        )
        brush.fill(taper(act.turn(strand, 12.0), (0.3, 1.4, 0.2)), look.hair_ink, 0.45)
    if not look.stray:
        return
    stray = _hung(7, points((part - 6, -139), (part - 3, -156), (part - 13, -167), (part - 25, -163)), np.zeros(4))
    line = _seen(act, stray, 1.5 * act.swing.fringe)
    path = taper(line, (7, 5.5, 3.4, 0.2))
    brush.fill(path, look.hair)
    brush.line(path, 1.4, look.hair_ink)


def _ring(count: int, rx: float, ry: float, middle: tuple[float, float], r: float, arc: tuple[float, float]) -> Points:
    """Curls `[N, 3]` (x, y, radius) along an ellipse, alternately larger and smaller."""
    at = np.radians(np.linspace(*arc, count))
    size = r * (1 + 0.14 * np.cos(np.arange(count) * 2.4))
    return np.stack([middle[0] + rx * np.cos(at), middle[1] + ry * np.sin(at), size], 1)


_BACK_CURLS = np.concatenate([_ring(19, 92, 104, (0, -24), 30, (140, 400)), _ring(9, 60, 60, (0, -30), 40, (130, 410))])
_CAP_CURLS = _ring(15, 78, 90, (0, -44), 25, (182, 358))
_FRONT_CURLS = np.concatenate(
    [
        _ring(13, 76, 76, (0, -42), 17, (176, 364)),
        _ring(10, 58, 52, (0, -46), 17, (190, 350)),
        _ring(9, 34, 26, (0, -92), 19, (0, 320)),
    ]
)


def _draw_curls(brush: Brush, act: Act, curls: Points, colour: tuple[float, float, float], z: float) -> None:
    look = act.look
    depth = np.full(len(curls), z) if z < 0 else _depth(curls[:, :2])
    seen = act.turn(curls[:, :2], depth) + act.swing.fringe * np.linspace(0.1, 0.4, len(curls))[:, None]
    circles: Sequence[tuple[float, float, float]] = [
        (x, y, r) for (x, y), r in zip(seen.tolist(), curls[:, 2].tolist(), strict=True)
    ]
    union = skia.Path()
    for x, y, r in circles:
        union.addCircle(x, y, r)
    brush.line(union, 3.0, look.hair_ink)
    brush.fill(union, colour)
    for x, y, r in circles:
        brush.oval(np.array([x - r * 0.22, y - r * 0.3]), (r * 0.5, r * 0.42), look.hair_light, 0.17)
        curl = points(
            (x - r * 0.5, y + r * 0.35),
            (x + r * 0.1, y + r * 0.62),
            (x + r * 0.55, y + r * 0.1),
            (x + r * 0.3, y - r * 0.3),
        )
        brush.fill(taper(curl, (0.2, 1.6, 1.6, 0.2)), look.hair_ink, 0.42)

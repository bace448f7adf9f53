"""Drawing in the character's units: smooth shapes through points, lines that swell and taper, fills that fade.

A thin layer over Skia: every shape here is points `[N, 2]`, every colour `(r, g, b)` in 0…1. Knows nothing of faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import skia
from numpy.typing import NDArray

from models.character.colour import Colour
from models.character.turn import Points

__all__ = ["Brush", "points", "sampled", "smooth", "taper"]

_STEPS = 2  # places a segment where the width of a line that tapers is set
_LEFTWARDS = np.array([[-1.0, 1.0]])


def points(*pairs: tuple[float, float]) -> Points:
    """Points written out."""
    return np.array(pairs, np.float64)


def smooth(*runs: Points, closed: bool = True) -> skia.Path:
    """A smooth line through the points of each run (Catmull-Rom); runs meet in corners. One closed run has none."""
    path = skia.Path()
    path.moveTo(*runs[0][0].tolist())
    around = closed and len(runs) == 1
    for run in runs:
        _through(path, run, around=around)
    if closed:
        path.close()
    return path


def _through(path: skia.Path, run: Points, *, around: bool) -> None:
    cubic_to = path.cubicTo
    for row in (_beziers(len(run), around) @ run).reshape(-1, 6).tolist():
        cubic_to(*row)


@lru_cache(maxsize=256)
def _neighbours(count: int, around: bool) -> NDArray[np.float64]:
    """What makes, of a line's points, those with one more at each end, `[count + 2, count]`."""
    eye = np.eye(count)
    if around:
        return np.concatenate([eye[-1:], eye, eye[:2]])
    return np.concatenate([2 * eye[:1] - eye[1:2], eye, 2 * eye[-1:] - eye[-2:-1]])


@lru_cache(maxsize=256)
def _beziers(count: int, around: bool) -> NDArray[np.float64]:
    """What makes, of a line's points `[count, 2]`, the three points of each Bézier segment, `[3 S, count]`."""
    p = _neighbours(count, around)
    before, start, end, after = p[:-3], p[1:-2], p[2:-1], p[3:]
    rows = np.stack([start + (end - before) / 6, end - (after - start) / 6, end], 1)
    return rows.reshape(-1, count)


@lru_cache(maxsize=256)
def _places(count: int, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What makes, of a line's points, `steps` places a segment along the smooth line, and its direction there."""
    p = _neighbours(count, False)
    before, start, end, after = (part[:, None] for part in (p[:-3], p[1:-2], p[2:-1], p[3:]))
    t = (np.arange(steps) / steps)[None, :, None]
    bend, twist = 2 * before - 5 * start + 4 * end - after, 3 * (start - end) + after - before
    at = start + 0.5 * (t * (end - before) + t**2 * bend + t**3 * twist)
    to = 0.5 * (end - before + 2 * t * bend + 3 * t**2 * twist)
    last = np.eye(count)[-1:]
    return np.concatenate([at.reshape(-1, count), last]), np.concatenate([to.reshape(-1, count), last - p[-3:-2]])


def sampled(run: Points, steps: int) -> Points:
    """Places along the smooth line through `run`, `steps` a segment."""
    return np.asarray(_places(len(run), steps)[0] @ run)


@lru_cache(maxsize=1024)
def _halves(widths: tuple[float, ...], count: int) -> NDArray[np.float64]:
    return np.interp(np.linspace(0, len(widths) - 1, count), np.arange(len(widths)), widths)[:, None] / 2


def taper(run: Points, widths: tuple[float, ...]) -> skia.Path:
    """A line through `run` as a shape; `widths` are spread evenly along it."""
    at, to = _places(len(run), _STEPS)
    line, along = at @ run, to @ run
    length = np.sqrt((along * along).sum(1, keepdims=True)) + 1e-9
    off = along[:, ::-1] * _LEFTWARDS / length * _halves(widths, len(line))
    there, back = line + off, (line - off)[::-1]
    path = skia.Path()
    path.moveTo(*there[0].tolist())
    _through(path, there, around=False)
    path.lineTo(*back[0].tolist())
    _through(path, back, around=False)
    path.close()
    return path


@lru_cache(maxsize=4096)
def _colour(colour: Colour, alpha: float = 1.0) -> int:
    r, g, b = (round(255 * min(1.0, max(0.0, part))) for part in colour)
    return int(skia.ColorSetARGB(round(255 * alpha), r, g, b))


@lru_cache(maxsize=1024)
def _filling(colour: int) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=colour)


class Brush:
    """What draws on one canvas."""

    def __init__(self, canvas: skia.Canvas) -> None:
        self.canvas = canvas

    def fill(self, path: skia.Path, colour: Colour, alpha: float = 1.0) -> None:
        """One colour."""
        self.canvas.drawPath(path, _filling(_colour(colour, round(alpha, 2))))

    def fade(self, path: skia.Path, colours: Sequence[Colour], *, along: tuple[float, float, float, float]) -> None:
        """Colours from one point to another, `along` x0, y0, x1, y1."""
        x0, y0, x1, y1 = along
        shades = [_colour(colour) for colour in colours]
        shader = skia.GradientShader.MakeLinear([skia.Point(x0, y0), skia.Point(x1, y1)], shades)
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Shader=shader))

    def glow(self, at: NDArray[np.float64], radii: tuple[float, float], colour: Colour, alpha: float) -> None:
        """A soft ellipse that fades to nothing."""
        canvas = self.canvas
        canvas.save()
        canvas.translate(*at.tolist())
        canvas.scale(radii[0], radii[1])
        shades = [_colour(colour, alpha), _colour(colour, alpha * 0.6), _colour(colour, 0)]
        shader = skia.GradientShader.MakeRadial(skia.Point(0, 0), 1, shades)
        canvas.drawCircle(0, 0, 1, skia.Paint(AntiAlias=True, Shader=shader))
        canvas.restore()

    def line(self, path: skia.Path, width: float, colour: Colour, alpha: float = 1.0) -> None:
        """The edge of a shape, `width` units wide."""
        paint = skia.Paint(AntiAlias=True, Style=skia.Paint.kStroke_Style, Color=_colour(colour, alpha))
        paint.setStrokeWidth(width)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        self.canvas.drawPath(path, paint)

    def oval(self, at: NDArray[np.float64], radii: tuple[float, float], colour: Colour, alpha: float = 1.0) -> None:
        """An ellipse."""
        x, y = at.tolist()
        box = skia.Rect.MakeLTRB(x - radii[0], y - radii[1], x + radii[0], y + radii[1])
        self.canvas.drawOval(box, _filling(_colour(colour, alpha)))

    @contextmanager
    def inside(self, path: skia.Path) -> Iterator[None]:
        """All that is drawn meanwhile is seen inside `path` only."""
        self.canvas.save()
        self.canvas.clipPath(path, doAntiAlias=True)
        try:
            yield
        finally:
            self.canvas.restore()

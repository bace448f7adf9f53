"""Drawing in the character's units: smooth shapes through points, lines that swell and taper, fills that fade.

A thin layer over Skia: every shape here is points `[N, 2]`, every colour `(r, g, b)` in 0…1. Knows nothing of faces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import skia
from numpy.typing import NDArray

from models.character.turn import Points

__all__ = ["Brush", "Colour", "mix", "points", "sampled", "smooth", "taper"]

Colour = tuple[float, float, float]

_STEPS = 7  # places between two points of a line that tapers


def points(*pairs: tuple[float, float]) -> Points:
    """Points written out."""
    return np.array(pairs, np.float64)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    r, g, b = (a + (c - a) * share for a, c in zip(one, other, strict=True))
    return r, g, b


def smooth(*runs: Points, closed: bool = True) -> skia.Path:
    """A smooth line through the points of each run (Catmull-Rom); runs meet in corners. One closed run has none."""
    path = skia.Path()
    path.moveTo(*runs[0][0].tolist())
    for run in runs:
        around = closed and len(runs) == 1
        for row in _controls(run, around=around).tolist():
            path.cubicTo(*row)
    if closed:
        path.close()
    return path


def _padded(run: Points, *, around: bool) -> Points:
    if around:
        return np.concatenate([run[-1:], run, run[:2]])
    return np.concatenate([2 * run[:1] - run[1:2], run, 2 * run[-1:] - run[-2:-1]])


def _controls(run: Points, *, around: bool) -> Points:
    """Bézier segments `[S, 6]` of a Catmull-Rom spline."""
    p = _padded(run, around=around)
    before, start, end, after = p[:-3], p[1:-2], p[2:-1], p[3:]
    return np.concatenate([start + (end - before) / 6, end - (after - start) / 6, end], 1)


def sampled(run: Points, steps: int = _STEPS) -> Points:
    """Places along the smooth line through `run`, `steps` a segment."""
    p = _padded(run, around=False)
    before, start, end, after = (part[:, None] for part in (p[:-3], p[1:-2], p[2:-1], p[3:]))
    t = (np.arange(steps) / steps)[None, :, None]
    line = start + 0.5 * t * (end - before + t * (2 * before - 5 * start + 4 * end - after))
    line = line + 0.5 * t**3 * (3 * (start - end) + after - before)
    return np.concatenate([line.reshape(-1, 2), run[-1:]])


def taper(run: Points, widths: Sequence[float]) -> skia.Path:
    """A line through `run` as a shape; `widths` are spread evenly along it."""
    line = sampled(run)
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    at = np.linspace(0, len(widths) - 1, len(line))
    half = np.interp(at, np.arange(len(widths)), widths)[:, None] / 2
    return _polygon(np.concatenate([line + normal * half, (line - normal * half)[::-1]]))


def _polygon(around: Points) -> skia.Path:
    path = skia.Path()
    path.moveTo(*around[0].tolist())
    for x, y in around[1:].tolist():
        path.lineTo(x, y)
    path.close()
    return path


def _colour(colour: Colour, alpha: float = 1.0) -> int:
    r, g, b = (round(255 * min(1.0, max(0.0, part))) for part in colour)
    return int(skia.ColorSetARGB(round(255 * alpha), r, g, b))


class Brush:
    """What draws on one canvas."""

    def __init__(self, canvas: skia.Canvas) -> None:
        self.canvas = canvas

    def fill(self, path: skia.Path, colour: Colour, alpha: float = 1.0) -> None:
        """One colour."""
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Color=_colour(colour, alpha)))

    def fade(self, path: skia.Path, colours: Sequence[Colour], *, along: tuple[float, float, float, float]) -> None:
        """Colours from one point to another, `along` x0, y0, x1, y1."""
        x0, y0, x1, y1 = along
        shades = [_colour(colour) for colour in colours]
        shader = skia.GradientShader.MakeLinear([skia.Point(x0, y0), skia.Point(x1, y1)], shades)
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Shader=shader, Dither=True))

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
        self.canvas.drawOval(box, skia.Paint(AntiAlias=True, Color=_colour(colour, alpha)))

    @contextmanager
    def inside(self, path: skia.Path) -> Iterator[None]:
        """All that is drawn meanwhile is seen inside `path` only."""
        self.canvas.save()
        self.canvas.clipPath(path, doAntiAlias=True)
        try:
            yield
        finally:
            self.canvas.restore()

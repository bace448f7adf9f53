"""A picture of a person that speaks: its net moved by the rig, with a mouth drawn behind the parted lips.

Only its own pixels move; nothing is invented but teeth, tongue and the dark between them. Drawn as `Character` is.
"""

from __future__ import annotations

import numpy as np
import skia
from numpy.typing import NDArray

from models.character.brush import Brush, smooth, taper
from models.character.colour import Colour, mix
from models.character.label import label
from models.character.planes import Planes, planes_of
from models.character.turn import Points
from models.portrait.mesh import Net
from models.portrait.points import Likeness
from models.rig import INDEX, Pose

__all__ = ["Portrait"]

DARK, RIM = (0.05, 0.01, 0.01), (0.42, 0.16, 0.16)
INSIDE = ((0.20, 0.06, 0.07), (0.34, 0.11, 0.12), (0.62, 0.30, 0.29), (0.80, 0.75, 0.68), (0.55, 0.48, 0.46))
"""Of a mouth in good light: above, below, the tongue, the upper and the lower teeth."""
BRIGHT_SKIN = 165.0
HALF_SHUT = 0.5
MARGIN = 0.025


class Portrait:
    """Draws one likeness.

    Raises:
        ValueError: the face does not fit into the size.
    """

    def __init__(self, likeness: Likeness, *, width: int = 512, height: int = 512, mark: bool = True) -> None:
        fitted = likeness.fitted(width, height)
        self._pixels = np.zeros((height, width, 4), np.uint8)
        self._surface = skia.Surface(self._pixels, colorType=skia.kRGBA_8888_ColorType)
        self._still = np.concatenate([fitted.picture, np.full((height, width, 1), 255, np.uint8)], -1)
        image = skia.Image.fromarray(self._still, colorType=skia.kRGBA_8888_ColorType)
        self._light = _light(fitted)
        self._lashes = {side: _lashes(fitted, side) for side in ("left", "right")}
        self._net = Net(fitted.points, width, height)
        self._texture = [skia.Point(x, y) for x, y in self._net.rest.tolist()]
        self._triangles = self._net.triangles.ravel().tolist()
        tile, linear = skia.TileMode.kClamp, skia.SamplingOptions(skia.FilterMode.kLinear)
        self._paint = skia.Paint(Shader=image.makeShader(tile, tile, linear))
        self._plate = skia.Image.fromarray(label(height), colorType=skia.kRGBA_8888_ColorType) if mark else None

    def render(self, pose: Pose, at_s: float) -> NDArray[np.uint8]:
        """The picture `[H, W, 4]` for a settled `pose`, the same at any time; valid until the next call."""
        canvas, knots = self._surface.getCanvas(), self._net(pose)
        self._pixels[...] = self._still
        upper, lower = self._net.lips(knots)
        brush, gap = Brush(canvas), float((lower - upper)[:, 1].max())
        if gap > 0.5:
            _draw_inside(brush, upper, lower, self._light)
        corners = [skia.Point(x, y) for x, y in knots.tolist()]
        mode = skia.Vertices.VertexMode.kTriangles_VertexMode
        net = skia.Vertices(mode, corners, self._texture, None, self._triangles)
        canvas.drawVertices(net, self._paint, skia.BlendMode.kSrcOver)
        if gap > 0.5:
            _draw_rims(brush, upper, lower, self._light, gap)
        for side, own in (("left", "Right"), ("right", "Left")):
            self._draw_lashes(brush, self._net.lashes(side, knots), side, float(pose[INDEX[f"eyeBlink{own}"]]))
        if self._plate is not None:
            margin = self._pixels.shape[0] * MARGIN
            canvas.drawImage(self._plate, round(margin), round(self._pixels.shape[0] - margin - self._plate.height()))
        return self._pixels

    def _draw_lashes(self, brush: Brush, line: Points, side: str, shut: float) -> None:
        """Where the lids of a shut eye meet."""
        if shut > HALF_SHUT:
            colour, width = self._lashes[side]
            strength = 0.6 * min(1.0, (shut - HALF_SHUT) / (0.9 - HALF_SHUT))
            brush.fill(taper(line, (0.3 * width, width, width, 0.3 * width)), colour, strength)

    def planes(self, pose: Pose, at_s: float) -> Planes:
        """The same as an encoder takes it, to keep."""
        self.render(pose, at_s)
        return planes_of(self._pixels)

    def alpha(self) -> NDArray[np.uint8]:
        """A picture hides what is behind."""
        return self._pixels[..., 3].copy()


def _light(likeness: Likeness) -> float:
    """How bright the skin between nose and mouth is against skin in good light, at most 1."""
    left, right = likeness.points["mouth left"], likeness.points["mouth right"]
    x, y = ((left + right) / 2).astype(int)
    reach = max(2, int(right[0] - left[0]) // 4)
    skin = likeness.picture[max(0, y - 2 * reach) : y - reach // 2, x - reach : x + reach]
    return float(np.clip(np.median(skin) / BRIGHT_SKIN, 0.35, 1))


def _lashes(likeness: Likeness, side: str) -> tuple[Colour, float]:
    """What is dark about an eye, and how thick its lashes are drawn when it is shut."""
    left, right, top, low = (likeness.points[f"{side} eye {place}"] for place in ("left", "right", "top", "bottom"))
    (x0, y0), (x1, y1) = (left[0], top[1]), (right[0], low[1])
    eye = likeness.picture[int(y0) : int(y1) + 2, int(x0) : int(x1) + 2].reshape(-1, 3)
    dark = eye[np.argsort(eye.sum(1))[: max(1, len(eye) // 5)]].mean(0) / 255
    return (float(dark[0]), float(dark[1]), float(dark[2])), 1.0 + 0.05 * float(y1 - y0)


def _draw_inside(brush: Brush, upper: Points, lower: Points, light: float) -> None:
    """What is seen between the lips, a little larger than the gap: the net's edges lie over it."""
    top_colour, low_colour, tongue, teeth, lower_teeth = (mix(DARK, colour, light) for colour in INSIDE)
    edge = np.array([[0.0, 1.5]])
    cave = smooth(upper - edge, (lower + edge)[::-1])
    top, low = float(upper[:, 1].min()), float(lower[:, 1].max())
    half, gap = float(np.ptp(upper[:, 0])) / 2, low - top
    middle = np.array([float(upper[:, 0].mean()), 0.0])
    brush.fade(cave, (top_colour, low_colour), along=(0, top, 0, low))
    with brush.inside(cave):
        brush.oval(middle + np.array([0.0, low + 0.05 * half]), (0.62 * half, 0.42 * gap), tongue, 0.9)
        reach = np.linspace(0.13, 0.87, 7) * (len(upper) - 1)
        lip = np.stack([np.interp(reach, np.arange(len(upper)), upper[:, axis]) for axis in (0, 1)], 1)
        arch = (1 - 0.45 * np.linspace(-1, 1, 7) ** 2)[:, None]
        bite = lip + arch * np.array([[0.0, min(0.27 * half, 0.5 * gap)]])
        ends = np.stack([lip[-1], bite[-1]])
        shades = (mix(teeth, top_colour, 0.55), teeth, mix(teeth, top_colour, 0.12))
        brush.fade(smooth(lip, ends, bite[::-1]), shades, along=(0, top, 0, float(bite[3, 1])))
        jaw = lip + arch * np.array([[0.0, gap - 0.06 * half]])
        brush.fill(smooth(jaw, (jaw + np.array([[0.0, 9.0]]))[::-1]), lower_teeth, 0.3)
        for corner in (upper[0], upper[-1]):  # cheeks shade what is far back
            brush.glow(corner, (0.75 * half, max(gap, 0.3 * half)), top_colour, 1.0)


def _draw_rims(brush: Brush, upper: Points, lower: Points, light: float, gap: float) -> None:
    """The edges of the lips, softened: the net's own are cut sharp."""
    width = 0.012 * float(np.ptp(upper[:, 0])) + 1.0
    colour = mix(DARK, RIM, light)
    for lip in (upper, lower):
        brush.line(smooth(lip, closed=False), width, colour, min(0.5, 0.2 * gap))

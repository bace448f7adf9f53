"""A net over a picture whose knots move with the rig: each channel moves each knot by a fixed amount, and these add up.

The net is cut along the lips, so that they part. Knows points and poses; draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.rig import INDEX, Pose

__all__ = ["Net"]

COLUMNS, ROWS, FINE = 44, 60, 0.72  # how many, and which share of them lies across the face
LASHES = 9
WIDEST_YAW, WIDEST_PITCH = 14.0, 10.0  # degrees; a picture seen from one side has no other

Knots = NDArray[np.float64]


class Net:
    """For a face of these points, in a picture `width` × `height`."""

    def __init__(self, points: Mapping[str, NDArray[np.float64]], width: int, height: int) -> None:
        self._at, self._size = points, (width, height)
        self.middle, self.left, self.right = (points[f"mouth {place}"] for place in ("middle", "left", "right"))
        self._half = float(self.right[0] - self.left[0]) / 2
        self.middle = np.array([(self.left[0] + self.right[0]) / 2, self.middle[1]])
        self.rest, self.triangles = self._lay()
        self._lower = np.arange(len(self.rest)) >= (self._row + 1) * (COLUMNS + 1)
        self._shut = {side: self._share(self._line(side)) for side in ("left", "right")}
        names, moves = zip(*self._moves(), strict=True)
        self._channels = [INDEX[name] for name in names]
        self._moves_by = np.stack(moves)  # [channels, knots, 2]

    def __call__(self, pose: Pose) -> Knots:
        """Where the knots are, `[N, 2]`, for a settled pose."""
        told = pose.astype(np.float64)
        told[INDEX["jawOpen"]] -= told[INDEX["mouthClose"]]
        for name, widest in (("headYaw", WIDEST_YAW), ("headPitch", WIDEST_PITCH), ("headRoll", WIDEST_PITCH)):
            told[INDEX[name]] = widest * np.tanh(told[INDEX[name]] / widest)
        return np.asarray(self.rest + np.tensordot(told[self._channels], self._moves_by, 1))

    def lips(self, knots: Knots) -> tuple[Knots, Knots]:
        """The edges of the cut, `[C, 2]` each, from left to right: above, below."""
        first = self._row * (COLUMNS + 1)
        across = np.flatnonzero(
            np.abs(self.rest[first : first + COLUMNS + 1, 0] - self.middle[0]) <= self._half * 1.001
        )
        return knots[first + across], knots[first + COLUMNS + 1 + across]

    def lashes(self, side: str, knots: Knots) -> Knots:
        """Where the lashes of the picture's `side` lie when that eye is shut, `[LASHES, 2]`."""
        around, share = self._shut[side]
        return np.asarray((knots[around] * share[..., None]).sum(1))

    def _lay(self) -> tuple[Knots, NDArray[np.uint16]]:
        """Knots at rest, the row of the lips twice, and the triangles between them `[T, 3]`."""
        tall = float(self._at["chin"][1] - self._at["forehead"][1])
        sides = self.middle[0] + 1.15 * self._face_half * np.array([-1, 1])
        ends = float(self._at["forehead"][1]) + tall * np.array([0.1, 1.2])
        across, down = _places(COLUMNS, self._size[0], sides), _places(ROWS, self._size[1], ends)
        for end in (self.left, self.right):  # of the cut
            across[np.argmin(np.abs(across - end[0]))] = end[0]
        self._row = int(np.argmin(np.abs(down - self.middle[1])))
        y, x = np.repeat(down[:, None], len(across), 1), np.tile(across, (len(down), 1))
        share = np.clip((x - self.middle[0]) / self._half, -1, 1)
        corners = np.where(share < 0, self.left[1], self.right[1])
        line = self.middle[1] + (corners - self.middle[1]) * share**2
        y += (line - y[self._row]) * np.exp(-(((y - y[self._row]) / (1.2 * self._half)) ** 2))
        knots = np.stack([x, y], -1)
        knots = np.concatenate([knots[: self._row + 1], knots[self._row :]])
        corner = np.arange((ROWS + 2) * (COLUMNS + 1)).reshape(ROWS + 2, COLUMNS + 1)
        corner = np.delete(np.stack([corner[:-1], corner[1:]]), self._row, axis=1)
        a, b, c, d = corner[0, :, :-1], corner[0, :, 1:], corner[1, :, :-1], corner[1, :, 1:]
        triangles = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], -2).reshape(-1, 3)  # lower ones cover
        return knots.reshape(-1, 2), triangles.astype(np.uint16)

    def _moves(self) -> Iterator[tuple[str, Knots]]:
        """How far a channel at 1 (or an angle at one degree) moves each knot, `[N, 2]`."""
        yield from self._mouth_moves()
        for picture_side, own in (("left", "Right"), ("right", "Left")):
            yield from self._eye_moves(picture_side, own)
        yield from self._head_moves()

    def _mouth_moves(self) -> Iterator[tuple[str, Knots]]:
        half, x, y = self._half, *self.rest.T
        across, down = x - self.middle[0], y - self.middle[1]
        chin = float(self._at["chin"][1] - self.middle[1])
        low = np.clip(down / chin, 0, 1)
        reach = half + low * (0.9 * self._face_half - half)
        fall = np.clip(1 - (down - chin) / (0.5 * chin), 0, 1)
        jaw = np.clip(1 - (across / reach) ** 2, 0, 1) * self._lower * fall
        yield "jawOpen", _down(jaw * 0.95 * half)
        lip = np.clip(1 - (across / half) ** 2, 0, 1) * np.exp(-((down / (0.55 * half)) ** 2))
        for own in ("Left", "Right"):
            yield f"mouthLowerDown{own}", _down(lip * self._lower * 0.12 * half)
            yield f"mouthUpperUp{own}", _down(-lip * ~self._lower * 0.10 * half)
        near = np.exp(-((across / (1.5 * half)) ** 2) - (down / (1.1 * half)) ** 2)
        yield "mouthPucker", _across(-0.38 * across * near)
        yield "mouthFunnel", _across(-0.24 * across * near) + _down(lip * np.where(self._lower, 0.14, -0.10) * half)
        for corner, own in ((self.left, "Right"), (self.right, "Left")):
            there = self._near(corner, 0.55 * half)
            out = -1.0 if own == "Right" else 1.0
            yield f"mouthSmile{own}", _down(-0.24 * half * there) + _across(out * 0.20 * half * there)
            yield f"mouthFrown{own}", _down(0.20 * half * there)
            yield f"mouthStretch{own}", _across(out * 0.22 * half * there)

    def _eye_moves(self, side: str, own: str) -> Iterator[tuple[str, Knots]]:
        x, y = self.rest.T
        top, bottom = self._lids(side, x)
        middle, half = self._eye(side)
        over = np.clip(1 - (top - y) / (1.15 * half), 0, 1) ** 2  # the skin of the lid comes along, the brow does not
        inside = np.clip((bottom - y) / np.maximum(bottom - top, 1e-6), 0, 1)
        closing = (bottom - top) * np.where(y < top, over, inside)
        yield f"eyeBlink{own}", _down(1.04 * closing)
        yield f"eyeWide{own}", _down(-0.18 * closing)
        top = self._at[f"{side} eye top"]
        brow = np.array([middle[0], top[1] - 0.9 * half])
        nose = 0.5 * half * (1 if side == "left" else -1)
        yield f"browDown{own}", _down(0.22 * half * self._near(brow + np.array([nose, 0]), 0.8 * half))
        yield f"browOuterUp{own}", _down(-0.26 * half * self._near(brow - np.array([nose, 0]), 0.9 * half))
        if side == "left":
            other = (middle + self._eye("right")[0]) / 2
            yield "browInnerUp", _down(-0.24 * half * self._near(np.array([other[0], brow[1]]), 1.2 * half))

    def _head_moves(self) -> Iterator[tuple[str, Knots]]:
        """What stands out (the nose) turns most; a roll turns the head over the chin; the picture's edges stay."""
        x, y = self.rest.T
        middle = (self._at["forehead"] + self._at["chin"]) / 2
        tall = float(self._at["chin"][1] - self._at["forehead"][1]) / 2
        away = np.hypot((x - middle[0]) / (1.25 * self._face_half), (y - middle[1]) / (1.35 * tall))
        out = np.sqrt(np.clip(1 - away**2, 0, 1)) + 0.25 * np.exp(-(away**2))
        edge = np.minimum.reduce([x, self._size[0] - x, y + self._size[1], self._size[1] - y])
        held = np.clip(edge / (0.12 * min(self._size)), 0, 1)
        degree = np.pi / 180
        yield "headYaw", _across(out * held * 0.75 * self._face_half * degree)
        yield "headPitch", _down(-out * held * 0.6 * tall * degree)
        head = np.exp(-(np.clip(away - 0.9, 0, None) ** 2) / 0.5) * held
        chin = self._at["chin"]
        yield "headRoll", _across(-(y - chin[1]) * head * degree) + _down((x - chin[0]) * head * degree)

    def _eye(self, side: str) -> tuple[Knots, float]:
        """Its middle between the corners, and half of its width."""
        left, right = self._at[f"{side} eye left"], self._at[f"{side} eye right"]
        return (left + right) / 2, float(right[0] - left[0]) / 2

    def _line(self, side: str) -> Knots:
        """The upper lid's edge at rest, `[LASHES, 2]`: a shut eye is where that has gone."""
        middle, half = self._eye(side)
        x = middle[0] + half * np.linspace(-1, 1, LASHES)
        return np.stack([x, self._lids(side, x)[0]], 1)

    def _lids(self, side: str, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How high the upper and the lower lid's edges are at `x`: arcs that meet in the corners."""
        (middle, half), left, right = self._eye(side), self._at[f"{side} eye left"], self._at[f"{side} eye right"]
        arc = np.clip(1 - ((x - middle[0]) / (1.05 * half)) ** 2, 0, 1)
        ends = np.interp(x, [left[0], right[0]], [left[1], right[1]])
        top, bottom = (float(self._at[f"{side} eye {place}"][1] - middle[1]) for place in ("top", "bottom"))
        return ends + top * arc, ends + (bottom + 0.15 * (bottom - top)) * arc  # with the lower lid's wet rim

    def _share(self, points: Knots) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Of places above the mouth: the four knots around each `[N, 4]`, and how much of each they are."""
        grid = self.rest[: (self._row + 1) * (COLUMNS + 1)].reshape(-1, COLUMNS + 1, 2)
        x, y = points.T
        column = np.clip(np.searchsorted(grid[0, :, 0], x) - 1, 0, COLUMNS - 1)
        row = np.array([np.searchsorted(grid[:, c, 1], at) - 1 for c, at in zip(column, y, strict=True)])
        first, last = grid[row, column], grid[row + 1, column + 1]
        s, t = np.clip((points - first) / (last - first), 0, 1).T
        knot = row * (COLUMNS + 1) + column
        around = np.stack([knot, knot + 1, knot + COLUMNS + 1, knot + COLUMNS + 2], 1)
        return around, np.stack([(1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t], 1)

    @property
    def _face_half(self) -> float:
        return float(self._at["face right"][0] - self._at["face left"][0]) / 2

    def _near(self, point: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-((self.rest - point) ** 2).sum(1) / radius**2))


def _places(count: int, size: int, near: NDArray[np.float64]) -> NDArray[np.float64]:
    """`count` + 1 places from 0 to `size`, most of them between the two of `near`."""
    first, last = np.clip(near, 0, size).tolist()
    outside = size - (last - first)
    fine = FINE if outside else 1.0
    before = (1 - fine) * first / max(outside, 1.0)
    shares, ends = [0, before, before + fine, 1], [0, first, last, size]
    return np.asarray(np.interp(np.linspace(0, 1, count + 1), shares, ends))


def _down(by: NDArray[np.float64]) -> Knots:
    return np.stack([np.zeros_like(by), by], 1)


def _across(by: NDArray[np.float64]) -> Knots:
    return np.stack([by, np.zeros_like(by)], 1)

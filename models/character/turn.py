"""Where a point of the head is seen when the head turns: a shallow solid, so that far features get narrower.

Points are in the character's units (half a face is about 78 wide, y grows downwards, 0 between the ears); `z` is how
far a point stands out of the axis of the head. Knows nothing of what is drawn.
"""

from __future__ import annotations

from math import cos, radians, sin, tanh

import numpy as np
from numpy.typing import NDArray

__all__ = ["Points", "Turn", "surface"]

Points = NDArray[np.float64]
"""`[N, 2]`: x to our right, y downwards."""

HALF_WIDTH, HALF_HEIGHT, DEPTH = 86.0, 140.0, 58.0
PIVOT_Y = 30.0  # where a nod turns
WIDEST_YAW, WIDEST_PITCH = 27.0, 20.0  # what the drawing bears; more is squeezed into it
DISTANCE = 900.0


def surface(points: Points, lift: float = 0.0) -> NDArray[np.float64]:
    """How far the head's surface at `points` `[N, 2]` stands out, plus `lift`, `[N]`."""
    round_ = 1 - (points[:, 0] / HALF_WIDTH) ** 2 - (points[:, 1] / HALF_HEIGHT) ** 2
    return DEPTH * np.sqrt(np.clip(round_, 0, 1)) + lift


class Turn:
    """A turn by `yaw` (to our right) and `pitch` (up), in degrees; roll is the canvas's."""

    def __init__(self, yaw: float = 0.0, pitch: float = 0.0) -> None:
        across, up = _soft(yaw, WIDEST_YAW), _soft(pitch, WIDEST_PITCH)
        self._cos_yaw, self._sin_yaw, self._cos_pitch, self._sin_pitch = cos(across), sin(across), cos(up), sin(up)

    def __call__(self, points: Points, z: NDArray[np.float64] | float) -> Points:
        """`points` `[N, 2]` at depth `z` as seen, `[N, 2]`."""
        x, y = points[:, 0], points[:, 1] - PIVOT_Y
        depth = z * self._cos_yaw - x * self._sin_yaw
        near = DISTANCE + depth * self._cos_pitch + y * self._sin_pitch
        scale = near / (DISTANCE + z)  # facing us, nothing is moved
        out = np.empty((len(points), 2))
        out[:, 0] = (x * self._cos_yaw + z * self._sin_yaw) * scale
        out[:, 1] = (y * self._cos_pitch - depth * self._sin_pitch) * scale + PIVOT_Y
        return out

    def on_skin(self, points: Points, lift: float = 0.0) -> Points:
        """Points that lie on the face, or `lift` above it."""
        return self(points, surface(points, lift))


def _soft(degrees: float, widest: float) -> float:
    return radians(widest * tanh(degrees / widest))

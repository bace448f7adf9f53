"""A moment of the anchor as it travels between processes: the pose, and planes where it was drawn (pure)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.rig import CHANNELS, Pose

__all__ = ["HEADER", "Answer", "Plane", "body_length", "packed", "unpacked"]

Plane = NDArray[np.uint8]

_FORM = struct.Struct(f"<d{len(CHANNELS)}fHHB")
HEADER = _FORM.size
"""Bytes of time, pose, height and width (0 where nothing was drawn), and how many planes follow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`planes`: y, u, v and maybe alpha, as `VideoFrame` has them; none where only the pose was asked for."""

    at_s: float
    pose: Pose
    planes: tuple[Plane, ...] = ()


def packed(answer: Answer) -> bytes:
    height, width = answer.planes[0].shape if answer.planes else (0, 0)
    header = _FORM.pack(answer.at_s, *answer.pose.tolist(), height, width, len(answer.planes))
    return b"".join([header, *(np.ascontiguousarray(plane).tobytes() for plane in answer.planes)])


def body_length(header: bytes) -> int:
    """How many bytes follow a header."""
    return sum(height * width for height, width in _shapes(header))


def unpacked(header: bytes, body: bytes) -> Answer:
    """The answer again; its arrays are read-only."""
    at_s, *pose = _FORM.unpack(header)[: 1 + len(CHANNELS)]
    planes, begin = [], 0
    for height, width in _shapes(header):
        planes.append(np.frombuffer(body, np.uint8, height * width, begin).reshape(height, width))
        begin += height * width
    return Answer(at_s, np.array(pose, np.float32), tuple(planes))


def _shapes(header: bytes) -> list[tuple[int, int]]:
    height, width, count = _FORM.unpack(header)[-3:]
    whole, half = (height, width), (-(-height // 2), -(-width // 2))
    return [whole, half, half, whole][:count]

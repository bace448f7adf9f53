"""Pictures as a camera gives them to pictures as a network takes them, for a batch of sessions, in one launch.

    R = Y' + 2 (1 - Kr) Cr          Y' = (Y - 16) / 219 or Y / 255      Kr, Kb = 0.299, 0.114 (BT.601)
    B = Y' + 2 (1 - Kb) Cb          Cb = (U - 128) / 224 or / 255       Kr, Kb = 0.2126, 0.0722 (BT.709)
    G = (Y' - Kr R - Kb B) / (1 - Kr - Kb)           out = (clamp(RGB, 0, 1) - mean) / deviation

Planes are resized first, each by a triangle filter as wide as the step between output pixels (bilinear where pixels
are made, averaging where they are lost; the same as `interpolate(antialias=True)`), chroma taken as centred. Source:
ITU-R BT.601-7 and BT.709-6. One program makes a tile of one session's picture and reads the planes once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes

__all__ = ["Planes", "colours", "cost", "picture_in", "picture_in_reference", "picture_in_triton"]

ROWS, COLUMNS = 8, 64  # of a tile


class Planes(NamedTuple):
    """8-bit pictures of one size: `y` `[B, H, W]`, `u` and `v` `[B, ceil(H / 2), ceil(W / 2)]`, of any strides.

    NV12 needs no copy: `u, v = uv[..., 0], uv[..., 1]`.
    """

    y: Tensor
    u: Tensor
    v: Tensor


def colours(*, bt709: Sequence[bool], full_range: Sequence[bool], device: torch.device | str = "cpu") -> Tensor:
    """How to read each session's planes, `[B, 6]`: luma offset and scale, then the weights of V in R, of U and V in G,
    of U in B."""
    rows = [_colour(matrix, full) for matrix, full in zip(bt709, full_range, strict=True)]
    return torch.tensor(rows, dtype=torch.float32, device=device)


def _colour(bt709: bool, full_range: bool) -> tuple[float, ...]:
    kr, kb = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    red, blue, green = 2 * (1 - kr), 2 * (1 - kb), 1 - kr - kb
    chroma = 1 / (255 if full_range else 224)
    offset, scale = (0.0, 1 / 255) if full_range else (16.0, 1 / 219)
    return offset, scale, red * chroma, -kb * blue / green * chroma, -kr * red / green * chroma, blue * chroma


def picture_in(planes: Planes, colour: Tensor, size: tuple[int, int], norm: Tensor, dtype: torch.dtype) -> Tensor:
    """`[B, 3, *size]` of `dtype`; `norm` `[2, 3]` is mean and deviation, `colour` `[B, 6]` is from `colours`."""
    made = picture_in_triton if planes.y.is_cuda else picture_in_reference
    return made(planes, colour, size, norm, dtype)


def picture_in_reference(
    planes: Planes, colour: Tensor, size: tuple[int, int], norm: Tensor, dtype: torch.dtype
) -> Tensor:
    """The same in PyTorch."""
    y, u, v = (_resized(plane, size) for plane in planes)
    offset, scale, rv, gu, gv, bu = (part[:, None, None] for part in colour.unbind(1))
    luma, u, v = (y - offset) * scale, u - 128, v - 128
    rgb = torch.stack([luma + rv * v, luma + gu * u + gv * v, luma + bu * u], 1).clamp(0, 1)
    return ((rgb - norm[0, :, None, None]) / norm[1, :, None, None]).to(dtype)


def _resized(plane: Tensor, size: tuple[int, int]) -> Tensor:
    made: Tensor = F.interpolate(plane[:, None].float(), size, mode="bilinear", antialias=True)[:, 0]
    return made


def picture_in_triton(
    planes: Planes, colour: Tensor, size: tuple[int, int], norm: Tensor, dtype: torch.dtype
) -> Tensor:
    """The same in one launch."""
    assert packed(colour, norm)
    (b, height, width), (h, w) = planes.y.shape, size
    out = torch.empty(b, 3, h, w, dtype=dtype, device=planes.y.device)
    chroma_height, chroma_width = planes.u.shape[1:]
    _picture_in[(b, triton.cdiv(h, ROWS), triton.cdiv(w, COLUMNS))](
        *planes, colour, norm, out,
        *planes.y.stride(), *planes.u.stride(), *planes.v.stride(),
        height, width, chroma_height, chroma_width, h, w,
        taps_y=_taps(height, h), taps_x=_taps(width, w),
        chroma_taps_y=_taps(chroma_height, h), chroma_taps_x=_taps(chroma_width, w),
        ROWS=ROWS, COLUMNS=COLUMNS,
    )  # fmt: skip
    return out


def _taps(given: int, made: int) -> int:
    """The most pixels that one output pixel takes part of."""
    return 2 * math.ceil(max(1.0, given / made)) + 1


def cost(planes: Planes, out: Tensor) -> Cost:
    """Reads the planes, writes the picture; the taps of separable filters and 20 operations of colour a pixel."""
    h, w = out.shape[2:]
    taps = sum(_taps(plane.shape[1], h) + _taps(plane.shape[2], w) for plane in planes)
    return Cost(size_bytes(*planes, out), out.shape[0] * h * w * (4 * taps + 20))


@triton.jit
def _resampled(
    plane, row_stride, column_stride, height, width, rows, columns, h, w, TAPS_Y: tl.constexpr, TAPS_X: tl.constexpr
):
    """A tile of a resized plane: `rows` `[R, 1]` and `columns` `[1, C]` of the output."""
    step_y, step_x = height / h, width / w
    reach_y, reach_x = tl.maximum(step_y, 1.0), tl.maximum(step_x, 1.0)
    middle_y, middle_x = (rows + 0.5) * step_y, (columns + 0.5) * step_x
    # What lies outside the plane has no weight; the others' sum is made one at the end.
    first_y = tl.maximum(middle_y - reach_y + 0.5, 0.0).to(tl.int32)
    first_x = tl.maximum(middle_x - reach_x + 0.5, 0.0).to(tl.int32)
    total = rows * 0.0 + columns * 0.0
    weights = total
    for i in range(TAPS_Y):
        y = first_y + i
        weight_y = tl.where(y < height, tl.maximum(1 - tl.abs(y + 0.5 - middle_y) / reach_y, 0.0), 0.0)
        for j in range(TAPS_X):
            x = first_x + j
            weight_x = tl.where(x < width, tl.maximum(1 - tl.abs(x + 0.5 - middle_x) / reach_x, 0.0), 0.0)
            weight = weight_y * weight_x
            value = tl.load(plane + y * row_stride + x * column_stride, mask=weight > 0, other=0)
            total += weight * value.to(tl.float32)
            weights += weight
    return total / tl.where(weights > 0, weights, 1.0)  # beyond the picture there is nothing to divide


@triton.jit
def _picture_in(
    y_plane, u_plane, v_plane, colour, norm, out,
    y_b, y_r, y_c, u_b, u_r, u_c, v_b, v_r, v_c,
    height, width, chroma_height, chroma_width, h, w,
    taps_y: tl.constexpr, taps_x: tl.constexpr, chroma_taps_y: tl.constexpr, chroma_taps_x: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    b = tl.program_id(0).to(tl.int64)
    rows = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    columns = (tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    inside = (rows < h) & (columns < w)
    y = _resampled(y_plane + b * y_b, y_r, y_c, height, width, rows, columns, h, w, taps_y, taps_x)
    u = _resampled(
        u_plane + b * u_b, u_r, u_c, chroma_height, chroma_width, rows, columns, h, w, chroma_taps_y, chroma_taps_x
    )
    v = _resampled(
        v_plane + b * v_b, v_r, v_c, chroma_height, chroma_width, rows, columns, h, w, chroma_taps_y, chroma_taps_x
    )
    read = colour + b * 6
    luma, u, v = (y - tl.load(read)) * tl.load(read + 1), u - 128, v - 128
    red = luma + tl.load(read + 2) * v
    green = luma + tl.load(read + 3) * u + tl.load(read + 4) * v
    blue = luma + tl.load(read + 5) * u
    place = out + b * 3 * h * w + rows * w + columns
    _store(place, red, norm, 0, inside)
    _store(place + h * w, green, norm, 1, inside)
    _store(place + 2 * h * w, blue, norm, 2, inside)


@triton.jit
def _store(place, value, norm, channel: tl.constexpr, inside):
    value = tl.minimum(tl.maximum(value, 0.0), 1.0)
    value = (value - tl.load(norm + channel)) / tl.load(norm + 3 + channel)
    tl.store(place, value.to(place.dtype.element_ty), mask=inside)

"""What is behind a person, out of focus: a Gaussian blur that only the background feeds.

    out(p) = sum_q g(p - q) m(q) x(q) / sum_q g(p - q) m(q)         g(d) = exp(-|d|^2 / (2 sigma^2)), |d| <= reach
    m = 1 - a, and never below 0.001: where there is no background near, everything is blurred

Dividing by the blurred mask (normalised convolution: Knutsson and Westin, CVPR 1993) keeps the person's colours from
glowing around their outline. Meant for small pictures, which `picture_out` enlarges. One program makes a tile.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes

__all__ = ["blur", "blur_reference", "blur_triton", "cost"]

ROWS, COLUMNS = 8, 32
LEAST = 1e-3


def blur(picture: Tensor, alpha: Tensor, sigma: float) -> Tensor:
    """`picture` `[B, 3, h, w]` behind the matte `alpha` `[B, h, w]`, blurred by `sigma` pixels; like `picture`."""
    return (blur_triton if picture.is_cuda else blur_reference)(picture, alpha, sigma)


def blur_reference(picture: Tensor, alpha: Tensor, sigma: float) -> Tensor:
    """The same in PyTorch, row and column apart."""
    reach = _reach(sigma)
    weight = torch.exp(-torch.arange(-reach, reach + 1, device=picture.device).square() / (2 * sigma**2))
    mask = (1 - alpha.float()).clamp(min=LEAST)[:, None]
    both = torch.cat([picture.float() * mask, mask], 1).flatten(0, 1)[:, None]  # [B * 4, 1, h, w]
    across = F.conv2d(both, weight[None, None, None], padding=(0, reach))
    spread = F.conv2d(across, weight[None, None, :, None], padding=(reach, 0)).view(-1, 4, *picture.shape[2:])
    return (spread[:, :3] / spread[:, 3:]).to(picture.dtype)


def blur_triton(picture: Tensor, alpha: Tensor, sigma: float) -> Tensor:
    """The same in one launch; tensors contiguous."""
    assert packed(picture, alpha)
    b, _, h, w = picture.shape
    out = torch.empty_like(picture)
    _blur[(b, triton.cdiv(h, ROWS), triton.cdiv(w, COLUMNS))](
        picture, alpha, out, h, w, -0.5 / sigma**2, REACH=_reach(sigma), LEAST=LEAST, ROWS=ROWS, COLUMNS=COLUMNS
    )
    return out


def _reach(sigma: float) -> int:
    return math.ceil(2.5 * sigma)


def cost(picture: Tensor, alpha: Tensor, sigma: float) -> Cost:
    """Reads and writes a picture once; the taps of a separable filter, which is the least."""
    taps = 2 * (2 * _reach(sigma) + 1)
    return Cost(2 * size_bytes(picture) + size_bytes(alpha), 8 * taps * alpha.numel())


@triton.jit
def _blur(
    picture, alpha, out, h, w, fall, REACH: tl.constexpr, LEAST: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    b = tl.program_id(0).to(tl.int64)
    rows = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    columns = (tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    picture += b * 3 * h * w
    alpha += b * h * w
    none = rows * 0.0 + columns * 0.0
    red, green, blue, total = none, none, none, none
    for i in range(-REACH, REACH + 1):
        for j in range(-REACH, REACH + 1):
            y, x = rows + i, columns + j
            there = (y >= 0) & (y < h) & (x >= 0) & (x < w)
            at = y * w + x
            mask = tl.maximum(1 - tl.load(alpha + at, mask=there, other=1.0).to(tl.float32), LEAST)
            weight = tl.where(there, mask * tl.exp((i * i + j * j) * fall), 0.0)
            red += weight * tl.load(picture + at, mask=there, other=0.0).to(tl.float32)
            green += weight * tl.load(picture + h * w + at, mask=there, other=0.0).to(tl.float32)
            blue += weight * tl.load(picture + 2 * h * w + at, mask=there, other=0.0).to(tl.float32)
            total += weight
    inside, place = (rows < h) & (columns < w), out + b * 3 * h * w + rows * w + columns
    total = tl.maximum(total, 1e-30)  # tiles reach over the edge
    tl.store(place, (red / total).to(place.dtype.element_ty), mask=inside)
    tl.store(place + h * w, (green / total).to(place.dtype.element_ty), mask=inside)
    tl.store(place + 2 * h * w, (blue / total).to(place.dtype.element_ty), mask=inside)

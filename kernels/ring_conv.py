"""A streaming depthwise convolution whose past lies in rings, one a slot; with norm and activation.

    z[t] = sum_j taps[j] window[t + j], j = 0 … reach      window = the slot's last `reach` frames, then the new ones
    y[t] = silu(layer_norm(z[t]) * scale + shift)

Frames are counted from the slot's start: the new ones are `at[s]` … `at[s] + N - 1`, and frame `m` lies at `m mod R`
of the ring. They are written over the oldest, in place; a slot that is not active keeps its ring and gives zeros. One
program steps one slot; joining, stacking and committing whole states is saved.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes

__all__ = ["cost", "ring_conv", "ring_conv_reference", "ring_conv_triton"]

QUIET = 1e-5  # of the norm


def ring_conv(x: Tensor, active: Tensor, ring: Tensor, at: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """`x` `[S, N, W]`, `active` `[S]` (bool), `ring` `[S, R, W]` (changed in place; `R >= reach + N`, in any float
    dtype), `at` `[S]` (int32), `taps` `[reach + 1, W]`, `norm` `[2, W]` -> `[S, N, W]`.
    """
    return (ring_conv_triton if x.is_cuda else ring_conv_reference)(x, active, ring, at, taps, norm)


def ring_conv_reference(x: Tensor, active: Tensor, ring: Tensor, at: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """The same in PyTorch."""
    (_, frames, width), size, reach = x.shape, ring.shape[1], len(taps) - 1
    offset = torch.arange(-reach, frames, device=x.device)
    place = ((at[:, None] + offset) % size).long()[..., None].expand(-1, -1, width)
    window = torch.cat([ring.gather(1, place[:, :reach]).float(), x.float()], 1)  # [S, reach + N, W]
    z = F.conv1d(window.transpose(1, 2), taps.float().T[:, None], groups=width).transpose(1, 2)
    y = F.silu(F.layer_norm(z, (width,), norm[0].float(), norm[1].float(), QUIET)).to(x.dtype)
    live, newest = active[:, None, None], place[:, reach:]
    ring.scatter_(1, newest, torch.where(live, x.to(ring.dtype), ring.gather(1, newest)))
    return torch.where(live, y, 0.0)


def ring_conv_triton(x: Tensor, active: Tensor, ring: Tensor, at: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """The same in one launch; all contiguous but the ring, of which each slot is."""
    assert packed(x, active, ring[0], at, taps, norm)
    slots, frames, width = x.shape
    assert frames <= ring.shape[1] - len(taps) + 1, "the new frames would overwrite the past that they look back at"
    y = torch.empty_like(x)
    _ring_conv[(slots,)](
        x, active, ring, at, taps, norm, y, ring.stride(0), ring.shape[1], width, QUIET,
        FRAMES=frames, TAPS=len(taps), WIDTH=triton.next_power_of_2(width),
    )  # fmt: skip
    return y


def cost(x: Tensor, ring: Tensor, taps: Tensor) -> Cost:
    """Reads the new frames and the past, writes what comes of them and their copy; two operations a tap, ten beside."""
    kept = x.shape[0] * (len(taps) - 1 + x.shape[1]) * x.shape[2] * ring.element_size()
    return Cost(2 * size_bytes(x) + kept + size_bytes(taps), x.numel() * (2 * len(taps) + 10))


@triton.jit
def _ring_conv(
    x, active, ring, at, taps, norm, y, slot_stride, size, width, quiet,
    FRAMES: tl.constexpr, TAPS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    slot = tl.program_id(0).to(tl.int64)
    live, first = tl.load(active + slot) != 0, tl.load(at + slot)
    w = tl.arange(0, WIDTH)
    inside = w < width
    x += slot * FRAMES * width
    y += slot * FRAMES * width
    ring += slot * slot_stride
    scale = tl.load(norm + w, mask=inside, other=0.0).to(tl.float32)
    shift = tl.load(norm + width + w, mask=inside, other=0.0).to(tl.float32)
    for t in range(FRAMES):
        total = tl.zeros([WIDTH], tl.float32)
        for j in range(TAPS):
            back = t + j - (TAPS - 1)  # below 0: in the ring
            place = ring + ((first + back + size) % size) * width + w
            old = tl.load(place, mask=inside & live & (back < 0), other=0.0).to(tl.float32)
            new = tl.load(x + back * width + w, mask=inside & live & (back >= 0), other=0.0).to(tl.float32)
            tap = tl.load(taps + j * width + w, mask=inside, other=0.0)
            total += (old + new) * tap.to(tl.float32)
        mean = tl.sum(total) / width
        away = tl.where(inside, total - mean, 0.0)
        normed = away * tl.rsqrt(tl.sum(away * away) / width + quiet) * scale + shift
        made = tl.where(live, normed * tl.sigmoid(normed), 0.0)
        tl.store(y + t * width + w, made.to(y.dtype.element_ty), mask=inside)
    # The frames that were looked back at are kept: what is overwritten is older than the reach.
    for t in range(FRAMES):
        fresh = tl.load(x + t * width + w, mask=inside & live, other=0.0)
        tl.store(ring + ((first + t) % size) * width + w, fresh.to(ring.dtype.element_ty), mask=inside & live)

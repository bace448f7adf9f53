"""A streaming depthwise convolution whose past lies in rings, one a slot; with norm and activation.

    z[t] = sum_j taps[j] window[t + j], j = 0 … reach      window = the slot's last `reach` frames, then the new ones
    y[t] = silu(layer_norm(z[t]) * scale + shift)

The past of slot `s` is `ring[s]` `[R, W]`, `R >= reach`, whose newest frame lies just before `head[s]`; the new frames
are written over the oldest, in place, and `head` moves on. Rows name their slots; a row below 0 is padding: its output
is zero and no ring changes. One program steps one row; gathering and scattering whole states is saved.
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


def ring_conv(x: Tensor, rows: Tensor, ring: Tensor, head: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """`x` `[K, N, W]` (N <= R - reach) in slots `rows` `[K]` (int32, distinct), `ring` `[S, R, W]` and `head` `[S]`
    (int32) changed in place, `taps` `[reach + 1, W]`, `norm` `[2, W]` -> `[K, N, W]`. `x` and `ring` share a dtype.
    """
    return (ring_conv_triton if x.is_cuda else ring_conv_reference)(x, rows, ring, head, taps, norm)


def ring_conv_reference(x: Tensor, rows: Tensor, ring: Tensor, head: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """The same in PyTorch; it picks the live rows, so it waits for their count."""
    live, (_, frames, width), size = (rows >= 0).nonzero()[:, 0], x.shape, ring.shape[1]
    slots, fresh, reach = rows[live].long(), x[live], len(taps) - 1
    at = (head[slots].long()[:, None] + torch.arange(-reach, frames, device=x.device)) % size  # [K, reach + N]
    window = torch.cat([ring[slots[:, None], at[:, :reach]], fresh], 1).float()
    z = F.conv1d(window.transpose(1, 2), taps.float().T[:, None], groups=width).transpose(1, 2)
    ring[slots[:, None], at[:, reach:]] = fresh
    head[slots] = ((head[slots] + frames) % size).to(head.dtype)
    y = torch.zeros_like(x)
    y[live] = F.silu(F.layer_norm(z, (width,), norm[0].float(), norm[1].float(), QUIET)).to(x.dtype)
    return y


def ring_conv_triton(x: Tensor, rows: Tensor, ring: Tensor, head: Tensor, taps: Tensor, norm: Tensor) -> Tensor:
    """The same in one launch; tensors contiguous."""
    assert packed(x, rows, ring, head, taps, norm)
    k, frames, width = x.shape
    assert frames <= ring.shape[1] - len(taps) + 1, "the new frames would overwrite the past that they look back at"
    y = torch.empty_like(x)
    _ring_conv[(k,)](
        x, rows, ring, head, taps, norm, y, ring.shape[1], width, QUIET,
        FRAMES=frames, TAPS=len(taps), WIDTH=triton.next_power_of_2(width),
    )  # fmt: skip
    return y


def cost(x: Tensor, ring: Tensor, taps: Tensor) -> Cost:
    """Reads the new frames and the past, writes the frames twice; two operations a tap, ten for the rest."""
    past = x.shape[0] * (len(taps) - 1) * x.shape[2] * ring.element_size()
    return Cost(3 * size_bytes(x) + past + size_bytes(taps), x.numel() * (2 * len(taps) + 10))


@triton.jit
def _ring_conv(
    x, rows, ring, head, taps, norm, y, size, width, quiet,
    FRAMES: tl.constexpr, TAPS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    slot = tl.load(rows + row).to(tl.int64)
    live = slot >= 0
    w = tl.arange(0, WIDTH)
    inside = w < width
    x += row * FRAMES * width
    y += row * FRAMES * width
    ring += tl.maximum(slot, 0) * size * width
    first = tl.load(head + tl.maximum(slot, 0))
    scale = tl.load(norm + w, mask=inside, other=0.0).to(tl.float32)
    shift = tl.load(norm + width + w, mask=inside, other=0.0).to(tl.float32)
    for t in range(FRAMES):
        total = tl.zeros([WIDTH], tl.float32)
        for j in range(TAPS):
            back = t + j - (TAPS - 1)  # below 0: in the ring
            at = (first + back + size) % size
            old = tl.load(ring + at * width + w, mask=inside & live & (back < 0), other=0.0)
            new = tl.load(x + back * width + w, mask=inside & live & (back >= 0), other=0.0)
            tap = tl.load(taps + j * width + w, mask=inside, other=0.0)
            total += (old + new).to(tl.float32) * tap.to(tl.float32)
        mean = tl.sum(total) / width
        away = tl.where(inside, total - mean, 0.0)
        normed = away * tl.rsqrt(tl.sum(away * away) / width + quiet) * scale + shift
        made = tl.where(live, normed * tl.sigmoid(normed), 0.0)
        tl.store(y + t * width + w, made.to(y.dtype.element_ty), mask=inside)
    # The frames that were looked back at are kept: what is overwritten is older than the reach.
    for t in range(FRAMES):
        fresh = tl.load(x + t * width + w, mask=inside & live, other=0.0)
        tl.store(ring + ((first + t) % size) * width + w, fresh, mask=inside & live)
    tl.store(head + tl.maximum(slot, 0), ((first + FRAMES) % size).to(tl.int32), mask=live)

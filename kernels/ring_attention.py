"""Attention of new frames over a past that lies in rings, one a slot, with a position and a mask of its own.

    score[n, m] = q[n] k[m] / sqrt(D) - slope (n - m)       0 <= n - m < past, and m >= born or m = n
    y[n] = sum_m softmax(score)[n, m] v[m]

Frames are counted from the slot's start: the new ones are `at[s]` … `at[s] + N - 1`, and frame `m` lies at `m mod R`
of the ring. Before `born` there is nothing to look at. Distances weigh linearly (ALiBi: Press et al.,
arXiv:2108.12409). New keys and values are written in place, over frames that nobody looks back at any more; a slot that
is not active keeps its ring and gives zeros. One program takes one head of a slot and reads its past once, where a
step on plain tensors moves the whole past ten times (joined, attended to, stacked, committed).
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes
from kernels.fourier import padded

__all__ = ["cost", "ring_attention", "ring_attention_reference", "ring_attention_triton"]

WARPS = 4


def ring_attention(
    mixed: Tensor, active: Tensor, ring: Tensor, at: Tensor, slopes: Tensor, *, past: int, born: int
) -> Tensor:
    """`mixed` `[S, N, 3 W]` (queries, keys, values), `active` `[S]` (bool), `ring` `[S, R, 2 W]` (keys, values; changed
    in place; `R >= past + N`, in any float dtype), `at` `[S]` (int32), `slopes` `[H]` -> `[S, N, W]`.
    """
    made = ring_attention_triton if mixed.is_cuda else ring_attention_reference
    return made(mixed, active, ring, at, slopes, past=past, born=born)


def ring_attention_reference(
    mixed: Tensor, active: Tensor, ring: Tensor, at: Tensor, slopes: Tensor, *, past: int, born: int
) -> Tensor:
    """The same in PyTorch."""
    (s, n, wide), heads = mixed.shape, len(slopes)
    query, fresh = mixed.split([wide // 3, wide - wide // 3], -1)
    offset = torch.arange(-past, n, device=mixed.device)
    place = ((at[:, None] + offset) % ring.shape[1]).long()[..., None].expand(-1, -1, ring.shape[2])
    keys = torch.cat([ring.gather(1, place[:, :past]).to(mixed.dtype), fresh], 1)  # [S, past + N, 2 W]
    q = query.unflatten(-1, (heads, -1)).transpose(1, 2)  # [S, H, N, D]
    k, v = keys.unflatten(-1, (2, heads, -1)).permute(2, 0, 3, 1, 4)
    age = offset[past:, None] - offset  # [N, past + N]
    there = (at[:, None] + offset >= born)[:, None] | (age == 0)
    seen = (age >= 0) & (age < past) & there  # [S, N, past + N]
    score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 - age * slopes[:, None, None]
    y = torch.softmax(torch.where(seen[:, None], score, -torch.inf), -1) @ v
    live = active[:, None, None]
    newest = place[:, past:]
    ring.scatter_(1, newest, torch.where(live, fresh.to(ring.dtype), ring.gather(1, newest)))
    return torch.where(live, y.transpose(1, 2).reshape(s, n, -1), 0.0)


def ring_attention_triton(
    mixed: Tensor, active: Tensor, ring: Tensor, at: Tensor, slopes: Tensor, *, past: int, born: int
) -> Tensor:
    """The same in one launch; all contiguous but the ring, of which each slot is; `W / H` a power of two from 16 on."""
    assert packed(mixed, active, ring[0], at, slopes)
    (s, n, wide), heads = mixed.shape, len(slopes)
    assert past + n <= ring.shape[1], "the new frames would overwrite the past that they look back at"
    y = mixed.new_empty(s, n, wide // 3)
    depth = wide // 3 // heads
    _ring_attention[(s, heads)](
        mixed, active, ring, at, slopes, y, ring.stride(0), ring.shape[1], past, born, depth**-0.5,
        N=n, ROWS=padded(n), PAST=padded(past), HEADS=heads, D=depth, num_warps=WARPS,
    )  # fmt: skip
    return y


def cost(mixed: Tensor, ring: Tensor, *, past: int) -> Cost:
    """Reads the new frames and the past, writes keys, values and what came of them; two products."""
    s, n, wide = mixed.shape
    row = wide // 3 * ring.element_size()
    moved = s * (2 * past * row + 2 * n * row) + size_bytes(mixed) * 4 // 3
    return Cost(moved, 4 * s * n * (past + n) * wide // 3)


@triton.jit
def _ring_attention(
    mixed, active, ring, at, slopes, y, slot_stride, size, past, born, scale,
    N: tl.constexpr, ROWS: tl.constexpr, PAST: tl.constexpr, HEADS: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    slot, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    n, m, d = tl.arange(0, ROWS), tl.arange(0, PAST), tl.arange(0, D)
    wide = HEADS * D
    live, first = tl.load(active + slot) != 0, tl.load(at + slot)
    slope = tl.load(slopes + head)
    row, column = slot * N + n[:, None], head * D + d[None, :]
    given = (n[:, None] < N) & live
    q = tl.load(mixed + row * 3 * wide + column, mask=given, other=0.0).to(tl.float32) * scale
    fresh_k = tl.load(mixed + row * 3 * wide + wide + column, mask=given, other=0.0)
    fresh_v = tl.load(mixed + row * 3 * wide + 2 * wide + column, mask=given, other=0.0)
    old = first - past + m
    there = live & (m < past) & (old >= born)
    ring += slot * slot_stride
    place = ring + ((old + size) % size)[:, None] * 2 * wide + column
    old_k = tl.load(place, mask=there[:, None], other=0.0).to(tl.float32)
    old_v = tl.load(place + wide, mask=there[:, None], other=0.0).to(tl.float32)
    age = first + n[:, None] - old[None, :]
    score = tl.dot(q, tl.trans(old_k), input_precision="tf32x3") - slope * age
    score = tl.where(there[None, :] & (age < past), score, float("-inf"))
    new_age = n[:, None] - n[None, :]
    new_score = tl.dot(q, tl.trans(fresh_k.to(tl.float32)), input_precision="tf32x3") - slope * new_age
    born_now = (n[None, :] < N) & (first + n[None, :] >= born)
    near = (new_age >= 0) & (new_age < past)
    new_score = tl.where((new_age == 0) | (near & born_now), new_score, float("-inf"))
    most = tl.maximum(tl.max(score, 1), tl.max(new_score, 1))[:, None]
    share, new_share = tl.exp(score - most), tl.exp(new_score - most)
    total = tl.sum(share, 1) + tl.sum(new_share, 1)
    heard = tl.dot(share, old_v, input_precision="tf32x3")
    heard += tl.dot(new_share, fresh_v.to(tl.float32), input_precision="tf32x3")
    heard = tl.where(given, heard / total[:, None], 0.0)
    tl.store(y + row * wide + column, heard.to(y.dtype.element_ty), mask=n[:, None] < N)
    newest = ring + ((first + n) % size)[:, None] * 2 * wide + column
    tl.store(newest, fresh_k.to(ring.dtype.element_ty), mask=given)
    tl.store(newest + wide, fresh_v.to(ring.dtype.element_ty), mask=given)

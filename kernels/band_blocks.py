"""The enhancer's recurrent blocks, a whole frame of a session and all blocks in one program.

For each block, on bands `x` `[F, W]` with memory `h` `[F, W]`:

    r, z = sigmoid(Wi x + bi + Wh h + bh)[0, 1]        n = tanh((Wi x + bi)[2] + r (Wh h + bh)[2])
    h' = n + z (h - n)                                 y = x + A h' + a
    q, k, v = M (y + places) + m, by heads             x' = y + O softmax(q k^T / sqrt(D)) v + o

A GRU over time whose weights the bands share, then attention over the bands (Ahn et al., FastEnhancer, 2025; as in
`models/layers.py`). Between the first load of `x` and the last store nothing but the memory leaves the registers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes
from kernels.fourier import padded

__all__ = ["BlockWeights", "band_blocks", "band_blocks_reference", "band_blocks_triton", "cost"]

WARPS = 2


class BlockWeights(NamedTuple):
    """All blocks' weights, stacked; `[N, out, in]` and `[N, out]` as PyTorch's layers keep them."""

    given: Tensor  # [N, 3 W, W] of the GRU: reset, update, new
    given_bias: Tensor
    known: Tensor  # [N, 3 W, W]
    known_bias: Tensor
    after: Tensor  # [N, W, W]
    after_bias: Tensor
    places: Tensor  # [N, F, W]
    mix: Tensor  # [N, 3 W, W]: queries, keys, values
    mix_bias: Tensor
    out: Tensor  # [N, W, W]
    out_bias: Tensor


def band_blocks(x: Tensor, memory: Tensor, weights: BlockWeights, *, heads: int) -> tuple[Tensor, Tensor]:
    """`x` `[B, F, W]` and `memory` `[B, N, F, W]` -> the same after one frame; float32."""
    made = band_blocks_triton if x.is_cuda else band_blocks_reference
    return made(x, memory, weights, heads=heads)


def band_blocks_reference(x: Tensor, memory: Tensor, weights: BlockWeights, *, heads: int) -> tuple[Tensor, Tensor]:
    """The same in PyTorch."""
    kept = []
    for n, block in enumerate(zip(*weights, strict=True)):
        w = BlockWeights(*block)
        given = F.linear(x, w.given, w.given_bias).chunk(3, -1)
        known = F.linear(memory[:, n], w.known, w.known_bias).chunk(3, -1)
        reset, update = torch.sigmoid(given[0] + known[0]), torch.sigmoid(given[1] + known[1])
        fresh = torch.tanh(given[2] + reset * known[2])
        kept.append(fresh + update * (memory[:, n] - fresh))
        y = x + F.linear(kept[-1], w.after, w.after_bias)
        parts = F.linear(y + w.places, w.mix, w.mix_bias).unflatten(-1, (3, heads, -1))
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # [B, H, F, D] each
        heard = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v
        x = y + F.linear(heard.transpose(1, 2).flatten(2), w.out, w.out_bias)
    return x, torch.stack(kept, 1)


def band_blocks_triton(x: Tensor, memory: Tensor, weights: BlockWeights, *, heads: int) -> tuple[Tensor, Tensor]:
    """The same in one launch; tensors contiguous, `W / heads` a power of two of at least 16."""
    assert packed(x, memory, *weights)
    (b, bands, width), blocks = x.shape, memory.shape[1]
    made, kept = torch.empty_like(x), torch.empty_like(memory)
    _band_blocks[(b,)](
        x, memory, *weights, made, kept, (width // heads) ** -0.5,
        BLOCKS=blocks, BANDS=bands, ROWS=padded(bands), W=width, HEADS=heads, D=width // heads, num_warps=WARPS,
    )  # fmt: skip
    return made, kept


def cost(x: Tensor, memory: Tensor, weights: BlockWeights) -> Cost:
    """Reads and writes bands and memory, reads the weights; the products of twelve `W x W` matrices and attention."""
    (b, bands, width), blocks = x.shape, memory.shape[1]
    flops = 2 * b * blocks * bands * (11 * width * width + 2 * bands * width)
    return Cost(2 * size_bytes(x, memory) + size_bytes(*weights), flops)


@triton.jit
def _dense(x, weight, bias, rows, columns, IN: tl.constexpr):
    """`x` `[R, IN]` through rows `columns` of a weight `[OUT, IN]`."""
    turned = tl.load(weight + columns[None, :] * IN + rows[:, None])
    return tl.dot(x, turned, input_precision="tf32x3") + tl.load(bias + columns)[None, :]


@triton.jit
def _band_blocks(
    x_in, memory, given, given_bias, known, known_bias, after, after_bias, places, mix, mix_bias, out, out_bias,
    x_out, kept, scale,
    BLOCKS: tl.constexpr, BANDS: tl.constexpr, ROWS: tl.constexpr, W: tl.constexpr, HEADS: tl.constexpr,
    D: tl.constexpr,
):  # fmt: skip
    session = tl.program_id(0).to(tl.int64)
    f, w, d = tl.arange(0, ROWS), tl.arange(0, W), tl.arange(0, D)
    at, inside = f[:, None] * W + w[None, :], f[:, None] < BANDS
    x = tl.load(x_in + session * BANDS * W + at, mask=inside, other=0.0)
    for n in range(BLOCKS):
        place = (session * BLOCKS + n) * BANDS * W + at
        h = tl.load(memory + place, mask=inside, other=0.0)
        wi, bi, wh, bh = given + n * 3 * W * W, given_bias + n * 3 * W, known + n * 3 * W * W, known_bias + n * 3 * W
        reset = tl.sigmoid(_dense(x, wi, bi, w, w, W) + _dense(h, wh, bh, w, w, W))
        update = tl.sigmoid(_dense(x, wi, bi, w, W + w, W) + _dense(h, wh, bh, w, W + w, W))
        fresh = _dense(x, wi, bi, w, 2 * W + w, W) + reset * _dense(h, wh, bh, w, 2 * W + w, W)
        fresh = 2 * tl.sigmoid(2 * fresh) - 1  # tanh
        h = fresh + update * (h - fresh)
        tl.store(kept + place, h, mask=inside)
        y = x + _dense(h, after + n * W * W, after_bias + n * W, w, w, W)
        z = y + tl.load(places + n * BANDS * W + at, mask=inside, other=0.0)
        x = y + tl.load(out_bias + n * W + w)[None, :]
        wm, bm = mix + n * 3 * W * W, mix_bias + n * 3 * W
        for head in range(HEADS):
            q = _dense(z, wm, bm, w, head * D + d, W)
            k = _dense(z, wm, bm, w, W + head * D + d, W)
            v = _dense(z, wm, bm, w, 2 * W + head * D + d, W)
            score = tl.dot(q, tl.trans(k), input_precision="tf32x3") * scale
            score = tl.where(f[None, :] < BANDS, score, float("-inf"))
            share = tl.exp(score - tl.max(score, 1)[:, None])
            share = share / tl.sum(share, 1)[:, None]
            heard = tl.dot(share, v, input_precision="tf32x3")  # [F, D]
            turned = tl.load(out + n * W * W + w[None, :] * W + (head * D + d)[:, None])
            x += tl.dot(heard, turned, input_precision="tf32x3")
    tl.store(x_out + session * BANDS * W + at, x, mask=inside)

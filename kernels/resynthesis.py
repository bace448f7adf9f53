"""From the enhancer's mask to sound: mask expanded and applied, inverse transform, overlap-add with the tail as state.

    low = mask |mask|^(1 / power - 1), |low| <= loudest            bins[k] = |middle[k]|^2, k < 256
    above = max(0, energy * 256 / oversampling - sum bins)         over = sum of bins[top:]
    gain = min(mean of min(1, |low|) over k >= top, 1, sqrt((100 over + quiet) / (above + quiet)))
    y = frame * gain + F^-1((low - gain) * spectrum)               made = y[-2 hop:] * synthesis
    out = tail + made[:hop]            next tail = made[hop:]      next past = (past, chunk)[hop:]

The gain above the bins keeps what is there in the time domain; the bins give their deviation from it. One program
takes one session, all its channels. Products as in `fourier.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.analysis import Analysed
from kernels.cost import Cost, packed, size_bytes
from kernels.fourier import COLUMNS, Tables, padded

__all__ = ["Expansion", "Sounding", "cost", "resynthesise", "resynthesise_reference", "resynthesise_triton"]

WARPS = 4


class Expansion(NamedTuple):
    """How a mask on compressed bins is one on the bins, and which bins, from `top` up, steer what is above them."""

    power: float
    loudest: float
    quiet: float
    top: int


class Sounding(NamedTuple):
    """Where the sound is: what was heard before, what was heard now, and the half-finished output."""

    past: Tensor  # [B, C, window - hop]
    chunk: Tensor  # [B, C, hop]
    tail: Tensor  # [B, C, hop]


def resynthesise(
    mask: Tensor, analysed: Analysed, sounding: Sounding, tables: Tables, expansion: Expansion
) -> tuple[Tensor, Tensor, Tensor]:
    """Output `[B, C, hop]`, next past and next tail; `mask` is `[B, 2, bins]`, everything float32."""
    made = resynthesise_triton if mask.is_cuda else resynthesise_reference
    return made(mask, analysed, sounding, tables, expansion)


def resynthesise_reference(
    mask: Tensor, analysed: Analysed, sounding: Sounding, tables: Tables, expansion: Expansion
) -> tuple[Tensor, Tensor, Tensor]:
    """The same in PyTorch, by an FFT."""
    whole, hop = torch.cat([sounding.past, sounding.chunk], -1), sounding.chunk.shape[-1]
    gain, low = _gains(mask, analysed, expansion, oversampling=whole.shape[-1] / 512)
    low, seen = (torch.complex(*x.unbind(-2)) for x in (low[:, None], analysed.spectra))
    full = F.pad(low * seen, (0, whole.shape[-1] // 2 + 1 - mask.shape[-1])) * (whole.shape[-1] / 512)
    made = torch.fft.irfft(full, whole.shape[-1]) + whole * tables.analysis * gain[:, None]
    first, second = (made[..., -2 * hop :] * tables.synthesis).split(hop, -1)
    return sounding.tail + first, whole[..., hop:].contiguous(), second.contiguous()


def _gains(mask: Tensor, analysed: Analysed, expansion: Expansion, *, oversampling: float) -> tuple[Tensor, Tensor]:
    """The gain above the bins `[B, 1]`, and the bins' deviation from it `[B, 2, bins]`."""
    power, loudest, quiet, top = expansion
    size = mask.square().sum(1, keepdim=True) + 1e-12
    low = mask * size.clamp(max=loudest ** (2 * power)) ** (0.5 / power) * size.rsqrt()
    bins = analysed.middle.square().sum(1)
    above = (analysed.energy * 256 / oversampling - bins.sum(1)).clamp(min=0)
    most = ((100 * bins[:, top:].sum(1) + quiet) / (above + quiet)).sqrt()
    upper = low[..., top:].square().sum(1).add(1e-12).sqrt().clamp(max=1).mean(-1)
    gain = torch.minimum(upper, most.clamp(max=1))[:, None]
    return gain, torch.stack([low[:, 0] - gain, low[:, 1]], 1)


def resynthesise_triton(
    mask: Tensor, analysed: Analysed, sounding: Sounding, tables: Tables, expansion: Expansion
) -> tuple[Tensor, Tensor, Tensor]:
    """The same in one launch; tensors contiguous."""
    assert packed(mask, *analysed, *sounding, *tables)
    past, chunk, tail = sounding
    (b, channels, hop), bins = chunk.shape, mask.shape[-1]
    out, next_past, next_tail = torch.empty_like(chunk), torch.empty_like(past), torch.empty_like(tail)
    window = past.shape[-1] + hop
    rows = window // COLUMNS
    _resynthesise[(b,)](
        mask, analysed.middle, analysed.energy, analysed.spectra, past, chunk, tail,
        tables.rows, tables.turns, tables.columns, tables.analysis, tables.synthesis, out, next_past, next_tail,
        0.5 / expansion.power, expansion.loudest ** (2 * expansion.power), expansion.quiet, window / 512,
        channels=channels, KEPT=past.shape[-1], HOP=hop, R=rows, P=padded(rows), Q=tables.columns.shape[-1],
        TAIL=padded(2 * hop // COLUMNS), BINS=bins, TOP=expansion.top, MOVED=triton.next_power_of_2(past.shape[-1]),
        num_warps=WARPS,
    )  # fmt: skip
    return out, next_past, next_tail


def cost(mask: Tensor, analysed: Analysed, sounding: Sounding) -> Cost:
    """Reads mask, bins and sound, writes sound and state; 2.5 n log2 n operations a transform."""
    past, chunk, tail = sounding
    window, frames = past.shape[-1] + chunk.shape[-1], chunk.shape[0] * chunk.shape[1]
    read = size_bytes(mask, analysed.middle, analysed.spectra, *sounding)
    return Cost(read + size_bytes(chunk, past, tail), int(frames * 2.5 * window * window.bit_length()))


@triton.jit
def _resynthesise(
    mask, middle, energy, spectra, past, chunk, tail,
    row_table, turn_table, column_table, window, synthesis, out, next_past, next_tail,
    bend, most_size, quiet, oversampling,
    channels: tl.constexpr, KEPT: tl.constexpr, HOP: tl.constexpr, R: tl.constexpr, P: tl.constexpr, Q: tl.constexpr,
    TAIL: tl.constexpr, BINS: tl.constexpr, TOP: tl.constexpr, MOVED: tl.constexpr,
):  # fmt: skip
    session = tl.program_id(0).to(tl.int64)
    p, b, q, t = tl.arange(0, P), tl.arange(0, 32), tl.arange(0, Q), tl.arange(0, TAIL)
    k = p[:, None] + R * q[None, :]
    wanted, upper = (p[:, None] < R) & (k < BINS), (p[:, None] < R) & (k < BINS) & (k >= TOP)
    place = session * 2 * BINS + k
    # The mask, expanded, and the one gain of what is above its bins.
    real = tl.load(mask + place, mask=wanted, other=0.0)
    imag = tl.load(mask + place + BINS, mask=wanted, other=0.0)
    size = real * real + imag * imag + 1e-12
    stretch = tl.exp2(tl.log2(tl.minimum(size, most_size)) * bend) * tl.rsqrt(size)
    real, imag = real * stretch, imag * stretch
    seen_real = tl.load(middle + place, mask=wanted, other=0.0)
    seen_imag = tl.load(middle + place + BINS, mask=wanted, other=0.0)
    bins = seen_real * seen_real + seen_imag * seen_imag
    above = tl.maximum(tl.load(energy + session) * 256 / oversampling - tl.sum(bins), 0.0)
    most = tl.sqrt((100 * tl.sum(tl.where(upper, bins, 0.0)) + quiet) / (above + quiet))
    heights = tl.minimum(tl.sqrt(real * real + imag * imag + 1e-12), 1.0)
    gain = tl.minimum(tl.sum(tl.where(upper, heights, 0.0)) / (BINS - TOP), tl.minimum(most, 1.0))
    real -= gain
    # Every bin stands for its mirror image too, but the first.
    once = tl.where(k == 0, 1.0, 2.0) * (oversampling / (KEPT + HOP))
    column_cos = tl.load(column_table + b[None, :] * Q + q[:, None])  # [q, b]
    column_sin = -tl.load(column_table + 32 * Q + b[None, :] * Q + q[:, None])
    turn_cos = tl.load(turn_table + p[:, None] * 32 + b[None, :])
    turn_sin = -tl.load(turn_table + P * 32 + p[:, None] * 32 + b[None, :])
    a = R - 2 * HOP // 32 + t
    row_cos = tl.load(row_table + a[:, None] * P + p[None, :], mask=a[:, None] < R, other=0.0)
    row_sin = -tl.load(row_table + P * P + a[:, None] * P + p[None, :], mask=a[:, None] < R, other=0.0)
    j = t[:, None] * 32 + b[None, :]  # of the last two hops
    inside, first = j < 2 * HOP, j < HOP
    n = KEPT - HOP + j  # the same within the frame
    shape = tl.load(window + n, mask=inside, other=0.0) * gain
    fade = tl.load(synthesis + j, mask=inside, other=0.0)
    for channel in range(channels):
        row = session * channels + channel
        heard_real = tl.load(spectra + row * 2 * BINS + k, mask=wanted, other=0.0) * once
        heard_imag = tl.load(spectra + row * 2 * BINS + BINS + k, mask=wanted, other=0.0) * once
        x, y = real * heard_real - imag * heard_imag, real * heard_imag + imag * heard_real
        x, y = tl.where(wanted, x, 0.0), tl.where(wanted, y, 0.0)
        u = tl.dot(x, column_cos, input_precision="tf32x3") - tl.dot(y, column_sin, input_precision="tf32x3")
        v = tl.dot(x, column_sin, input_precision="tf32x3") + tl.dot(y, column_cos, input_precision="tf32x3")
        u, v = u * turn_cos - v * turn_sin, u * turn_sin + v * turn_cos
        made = tl.dot(row_cos, u, input_precision="tf32x3") - tl.dot(row_sin, v, input_precision="tf32x3")
        sound = tl.load(past + row * KEPT + n, mask=inside & (n < KEPT), other=0.0)
        sound += tl.load(chunk + row * HOP + n - KEPT, mask=inside & (n >= KEPT), other=0.0)
        made = (made + sound * shape) * fade
        half = tl.load(tail + row * HOP + j, mask=first, other=0.0)
        tl.store(out + row * HOP + j, half + made, mask=first)
        tl.store(next_tail + row * HOP + j - HOP, made, mask=inside & (j >= HOP))
        i = tl.arange(0, MOVED)
        moved = tl.load(past + row * KEPT + i + HOP, mask=i < KEPT - HOP, other=0.0)
        moved += tl.load(chunk + row * HOP + i + HOP - KEPT, mask=(i >= KEPT - HOP) & (i < KEPT), other=0.0)
        tl.store(next_past + row * KEPT + i, moved, mask=i < KEPT)

"""From sound to the spectrum that the enhancer's network sees: framing, window, Fourier transform and compression.

    frame = (past, chunk) * window             spectra[k] = sum_n frame[n] exp(-2 pi i n k / window) / oversampling
    middle = mean of the channels' spectra     seen[k] = middle[k] (|middle[k]|^2 + quiet)^((power - 1) / 2)
    energy = sum_n (mean of the channels' frames)[n]^2

Only the lowest `bins` are made, by the products of `fourier.py`. One program takes a few sessions, with the tables in
its registers; a frame is read once and nothing between it and its bins is written.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes
from kernels.fourier import COLUMNS, Tables, padded

__all__ = ["Analysed", "Compression", "analyse", "analyse_reference", "analyse_triton", "cost"]

WARPS = 4
GROUPED_FROM = 4096  # sessions: with fewer, a program each keeps the card busy


class Compression(NamedTuple):
    """Magnitudes to the power `power`; `quiet` is added to their squares first."""

    power: float
    quiet: float


class Analysed(NamedTuple):
    """What comes of a hop."""

    spectra: Tensor  # [B, C, 2, bins]
    middle: Tensor  # [B, 2, bins]
    seen: Tensor  # [B, 2, bins]
    energy: Tensor  # [B]


def analyse(past: Tensor, chunk: Tensor, tables: Tables, compression: Compression, *, bins: int) -> Analysed:
    """`past` `[B, C, window - hop]` and `chunk` `[B, C, hop]`, both float32."""
    made = analyse_triton if chunk.is_cuda else analyse_reference
    return made(past, chunk, tables, compression, bins=bins)


def analyse_reference(past: Tensor, chunk: Tensor, tables: Tables, compression: Compression, *, bins: int) -> Analysed:
    """The same in PyTorch, by an FFT."""
    frames = torch.cat([past, chunk], -1) * tables.analysis
    made = torch.view_as_real(torch.fft.rfft(frames)[..., :bins]) * (512 / frames.shape[-1])
    spectra = made.transpose(-1, -2).contiguous()  # [B, C, 2, bins]
    middle, energy = spectra.mean(1), frames.mean(1).square().sum(-1)
    size = middle.square().sum(1, keepdim=True) + compression.quiet
    return Analysed(spectra, middle, middle * size ** ((compression.power - 1) / 2), energy)


def analyse_triton(past: Tensor, chunk: Tensor, tables: Tables, compression: Compression, *, bins: int) -> Analysed:
    """The same in one launch; tensors contiguous."""
    assert packed(past, chunk, *tables)
    (b, channels, hop), kept = chunk.shape, past.shape[-1]
    spectra = chunk.new_empty(b, channels, 2, bins)
    middle, seen = chunk.new_empty(2, b, 2, bins)
    energy = chunk.new_empty(b)
    rows = (kept + hop) // COLUMNS
    each = 4 if b >= GROUPED_FROM else 1
    _analyse[(triton.cdiv(b, each),)](
        past, chunk, *tables[:4], spectra, middle, seen, energy,
        b, (compression.power - 1) / 2, compression.quiet, 512 / (kept + hop),
        channels=channels, KEPT=kept, HOP=hop, R=rows, P=padded(rows), Q=tables.columns.shape[-1], BINS=bins, EACH=each,
        num_warps=WARPS,
    )  # fmt: skip
    return Analysed(spectra, middle, seen, energy)


def cost(chunk: Tensor, past: Tensor, made: Analysed) -> Cost:
    """Reads the frame, writes the bins; 2.5 n log2 n operations a real transform."""
    window = past.shape[-1] + chunk.shape[-1]
    frames = chunk.shape[0] * chunk.shape[1]
    return Cost(size_bytes(past, chunk, *made), int(frames * 2.5 * window * window.bit_length()))


@triton.jit
def _analyse(
    past, chunk, row_table, turn_table, column_table, window, spectra, middle, seen, energy,
    sessions, bend, quiet, scale,
    channels: tl.constexpr, KEPT: tl.constexpr, HOP: tl.constexpr, R: tl.constexpr, P: tl.constexpr, Q: tl.constexpr,
    BINS: tl.constexpr, EACH: tl.constexpr,
):  # fmt: skip
    a, b, q = tl.arange(0, P), tl.arange(0, 32), tl.arange(0, Q)
    row_cos = tl.load(row_table + a[:, None] * P + a[None, :])
    row_sin = tl.load(row_table + P * P + a[:, None] * P + a[None, :])
    turn_cos = tl.load(turn_table + a[:, None] * 32 + b[None, :])
    turn_sin = tl.load(turn_table + P * 32 + a[:, None] * 32 + b[None, :])
    column_cos = tl.load(column_table + b[:, None] * Q + q[None, :])
    column_sin = tl.load(column_table + 32 * Q + b[:, None] * Q + q[None, :])
    n = a[:, None] * 32 + b[None, :]
    shape = tl.load(window + n, mask=n < KEPT + HOP, other=0.0)
    k = a[:, None] + R * q[None, :]
    wanted = (a[:, None] < R) & (k < BINS)
    for i in range(EACH):
        session = (tl.program_id(0) * EACH + i).to(tl.int64)
        there = session < sessions
        frame_sum = tl.zeros([P, 32], tl.float32)
        real_sum = tl.zeros([P, Q], tl.float32)
        imag_sum = tl.zeros([P, Q], tl.float32)
        for channel in range(channels):
            row = session * channels + channel
            x = tl.load(past + row * KEPT + n, mask=there & (n < KEPT), other=0.0)
            x += tl.load(chunk + row * HOP + n - KEPT, mask=there & (n >= KEPT) & (n < KEPT + HOP), other=0.0)
            x *= shape
            frame_sum += x
            real = tl.dot(row_cos, x, input_precision="tf32x3")
            imag = tl.dot(row_sin, x, input_precision="tf32x3")
            real, imag = real * turn_cos - imag * turn_sin, real * turn_sin + imag * turn_cos
            low_real = tl.dot(real, column_cos, input_precision="tf32x3")
            low_real -= tl.dot(imag, column_sin, input_precision="tf32x3")
            low_imag = tl.dot(real, column_sin, input_precision="tf32x3")
            low_imag += tl.dot(imag, column_cos, input_precision="tf32x3")
            low_real, low_imag = low_real * scale, low_imag * scale
            tl.store(spectra + row * 2 * BINS + k, low_real, mask=wanted & there)
            tl.store(spectra + row * 2 * BINS + BINS + k, low_imag, mask=wanted & there)
            real_sum += low_real
            imag_sum += low_imag
        real_sum, imag_sum = real_sum / channels, imag_sum / channels
        frame_sum /= channels
        tl.store(energy + session, tl.sum(frame_sum * frame_sum), mask=there)
        bent = tl.exp2(tl.log2(real_sum * real_sum + imag_sum * imag_sum + quiet) * bend)
        place = session * 2 * BINS + k
        tl.store(middle + place, real_sum, mask=wanted & there)
        tl.store(middle + place + BINS, imag_sum, mask=wanted & there)
        tl.store(seen + place, real_sum * bent, mask=wanted & there)
        tl.store(seen + place + BINS, imag_sum * bent, mask=wanted & there)

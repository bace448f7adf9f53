"""The short-time spectrum of the sound models: 32 ms windows that look back, 20 ms out, 31.25 Hz bins up to 8 kHz.

The analysis window is long and leans on the newest sound; the synthesis window covers only its last two hops, so that
resynthesis costs one hop of delay (after Mauler and Martin, EUSIPCO 2007). The same 256 bins come out at
16 kHz (window 512) and at 48 kHz (window 1536): a network trained on one runs on the other. Offline code uses the
FFT; a step uses a two-stage Fourier transform of real matrix products that makes only the bins we need, which
exports cleanly and is as quick as an FFT on small batches.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BINS", "Spectrum", "low_delay_windows", "mel_filters"]

BINS = 256
BIN_HZ = 31.25
FRAME_SAMPLES = 512  # at 16 kHz
HOP_SAMPLES = 160
COLUMNS = 32


def low_delay_windows(window: int, hop: int) -> tuple[Tensor, Tensor]:
    """Analysis `[window]` and synthesis `[2 * hop]` windows whose product, overlapped by a hop, is 1."""
    rise, n = window - hop, torch.arange(window, dtype=torch.float64)
    up = torch.sin(math.pi / 2 * (n[:rise] + 0.5) / rise)
    down = torch.cos(math.pi / 2 * (torch.arange(hop, dtype=torch.float64) + 0.5) / hop)
    fade_in = torch.sin(math.pi / 2 * (torch.arange(hop, dtype=torch.float64) + 0.5) / hop).square()
    analysis = torch.cat([up, down])
    synthesis = torch.cat([fade_in / up[-hop:], down])
    return analysis.float(), synthesis.float()


def mel_filters(bands: int) -> Tensor:
    """Triangles on the mel scale from 60 Hz to 8 kHz, each of area 1: `[256, bands]`."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (60.0, 8000.0))
    mels = torch.linspace(low, high, bands + 2, dtype=torch.float64)
    edges = 700 * (10 ** (mels / 2595) - 1)
    hz = torch.arange(BINS, dtype=torch.float64)[:, None] * BIN_HZ
    widths = (edges[1:] - edges[:-1]).clamp(min=BIN_HZ)
    rise, fall = (hz - edges[:-2]) / widths[:-1], (edges[2:] - hz) / widths[1:]
    triangles = torch.minimum(rise, fall).clamp(min=0)
    return (triangles / triangles.sum(0)).float()


class Spectrum(nn.Module):
    """Analysis and resynthesis at `16 kHz * oversampling`, offline and by the hop. Spectra are real: `[..., 2, BINS]`.

    The scale does not depend on the rate. What lies above `BINS` is kept in the time domain: `overlap` is given the
    windowed frame times one gain, plus the low bins' deviation from that gain.
    """

    analysis: Tensor
    synthesis: Tensor
    rows_forward: Tensor
    twiddle: Tensor
    columns_forward: Tensor
    columns_back: Tensor
    rows_back: Tensor
    once: Tensor

    def __init__(self, oversampling: int) -> None:
        super().__init__()
        self.oversampling = oversampling
        self.window, self.hop = FRAME_SAMPLES * oversampling, HOP_SAMPLES * oversampling
        analysis, synthesis = low_delay_windows(self.window, self.hop)
        self.register_buffer("analysis", analysis, persistent=False)
        self.register_buffer("synthesis", synthesis, persistent=False)
        for name, table in _fourier_tables(self.window, 2 * self.hop).items():
            self.register_buffer(name, table.float(), persistent=False)

    def frames(self, x: Tensor) -> Tensor:
        """`[B, T]` -> windowed frames `[B, T / hop, window]`, each ending with its hop."""
        return F.pad(x, (self.window - self.hop, 0)).unfold(-1, self.window, self.hop) * self.analysis

    def transform(self, frames: Tensor) -> Tensor:
        """Windowed frames `[..., window]` -> low bins `[..., 2, BINS]`."""
        bins = torch.fft.rfft(frames)[..., :BINS] / self.oversampling
        return torch.stack([bins.real, bins.imag], -2)

    def tails(self, spectrum: Tensor) -> Tensor:
        """Low bins `[..., 2, BINS]` -> the last two hops of each frame `[..., 2 * hop]`, not yet windowed."""
        bins = torch.complex(spectrum[..., 0, :], spectrum[..., 1, :]) * self.oversampling
        whole: Tensor = torch.fft.irfft(bins, self.window)
        return whole[..., -2 * self.hop :]

    def overlap(self, tails: Tensor) -> Tensor:
        """Tails `[B, N, 2 * hop]` -> sound `[B, (N - 1) * hop]` that starts with the first frame's hop."""
        first, second = (tails * self.synthesis).split(self.hop, -1)  # [B, N, hop] each
        sound: Tensor = (first[:, 1:] + second[:, :-1]).flatten(-2)
        return sound

    def transform_step(self, frames: Tensor) -> Tensor:
        """As `transform`, by matrix products: `[B, window]` -> `[B, 2, BINS]`."""
        rows = self.rows_forward @ frames.view(frames.shape[0], -1, COLUMNS)  # [B, 2R, 32]
        real, imag = _turn(rows, self.twiddle, sign=1)  # [B, R, 32] each
        bins = torch.cat([real, imag], -1) @ self.columns_forward  # [B, R, 2K]
        return bins.view(frames.shape[0], rows.shape[1] // 2, 2, -1).permute(0, 2, 3, 1).flatten(2)[..., :BINS]

    def tails_step(self, spectrum: Tensor) -> Tensor:
        """As `tails`, by matrix products: `[B, 2, BINS]` -> `[B, 2 * hop]`."""
        rows = self.twiddle.shape[1]
        columns = -(-BINS // rows)
        full = F.pad(spectrum * self.once, (0, columns * rows - BINS)).view(-1, 2, columns, rows)
        spread = full.permute(0, 3, 1, 2).flatten(2) @ self.columns_back  # [B, R, 64]
        real, imag = _turn(torch.cat(spread.chunk(2, -1), 1), self.twiddle, sign=-1)
        return (self.rows_back @ torch.cat([real, imag], 1)).flatten(1)[:, -2 * self.hop :]


def _turn(x: Tensor, twiddle: Tensor, *, sign: int) -> tuple[Tensor, Tensor]:
    """Complex product of stacked rows `[B, 2R, 32]` with the twiddle factors `[2, R, 32]` or their conjugates."""
    real, imag = x.chunk(2, 1)
    cosine, sine = twiddle[0], twiddle[1] * sign
    return real * cosine - imag * sine, real * sine + imag * cosine


def _fourier_tables(window: int, tail: int) -> dict[str, Tensor]:
    """The factors of a transform of size `window = R * 32`, with sample `n = 32 a + b` and bin `k = p + R q`."""
    rows, scale = window // COLUMNS, window / FRAME_SAMPLES
    columns = -(-BINS // rows)
    a, b = torch.arange(rows, dtype=torch.float64), torch.arange(COLUMNS, dtype=torch.float64)
    row = -2 * math.pi * torch.outer(a, a) / rows  # [p, a]
    column = -2 * math.pi * torch.outer(b, b[:columns]) / COLUMNS  # [b, q]
    turn = -2 * math.pi * torch.outer(a, b) / window  # [p, b]
    c, s = column.cos() / scale, column.sin() / scale
    back = (column.T.cos() * scale, -column.T.sin() * scale)  # [q, b]
    kept = a[rows - -(-tail // COLUMNS) :]
    rows_out = 2 * math.pi * torch.outer(kept, a) / rows  # [a, p]
    weight = torch.full((rows,), 2.0 / window, dtype=torch.float64)
    once = torch.ones(BINS, dtype=torch.float64)
    once[0] = 0.5  # every bin but this one stands for its mirror image too
    return {
        "once": once,
        "rows_forward": torch.cat([row.cos(), row.sin()]),
        "twiddle": torch.stack([turn.cos(), turn.sin()]),
        "columns_forward": torch.cat([torch.cat([c, s], 1), torch.cat([-s, c], 1)]),
        "columns_back": torch.cat([torch.cat(back, 1), torch.cat([-back[1], back[0]], 1)]),
        "rows_back": torch.cat([rows_out.cos() * weight, -rows_out.sin() * weight], 1),
    }

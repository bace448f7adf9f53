"""What the public Emformer hears: 80 log energies on the mel scale every 10 ms, from 16 kHz sound.

The numbers are those the published network was trained with: frames of 25 ms around their time, energies in units of
16-bit samples, a logarithm that turns linear below e, mean and deviation of LibriSpeech. The Fourier transform is a
matrix product, so that a step exports cleanly. Knows nothing of streams.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

__all__ = ["BANDS", "FRAME", "RATE_HZ", "STEP", "MelFeatures"]

RATE_HZ = 16_000
FRAME = 400  # samples a frame looks at, its time in the middle
STEP = 160
BANDS = 80
FULL_SCALE = 32_767.0  # of the 16-bit samples whose energies the network knows


class MelFeatures(nn.Module):
    """Sound `[B, T]` -> `[B, (T - FRAME) / STEP + 1, 80]`: every frame that fits; the first is about sample 200.

    `mean` and `scale` `[80]` are the statistics that the features are normalised by: part of the weights.
    """

    basis: Tensor
    bands: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("basis", _basis(), persistent=False)
        bands = melscale_fbanks(FRAME // 2 + 1, 0.0, RATE_HZ / 2, BANDS, RATE_HZ, norm=None, mel_scale="htk")
        self.register_buffer("bands", bands, persistent=False)
        self.register_buffer("mean", torch.zeros(BANDS))
        self.register_buffer("scale", torch.ones(BANDS))

    def forward(self, sound: Tensor) -> Tensor:
        parts = sound.unfold(-1, FRAME, STEP) @ self.basis  # [B, N, 2 * 201]
        real, imag = parts.chunk(2, -1)
        energy = (real.square() + imag.square()) @ self.bands
        return (_level(energy * FULL_SCALE**2) - self.mean) * self.scale


def _basis() -> Tensor:
    """Window and Fourier transform in one: `[400, 2 * 201]`, real parts then imaginary ones."""
    angle = -2 * math.pi * torch.outer(torch.arange(FRAME), torch.arange(FRAME // 2 + 1)).double() / FRAME
    window = torch.hann_window(FRAME, dtype=torch.float64)[:, None]
    return torch.cat([angle.cos() * window, angle.sin() * window], 1).float()


def _level(energy: Tensor) -> Tensor:
    """The logarithm, and below e a straight line to zero that meets it there."""
    return torch.where(energy > math.e, energy.clamp(min=math.e).log(), energy / math.e)

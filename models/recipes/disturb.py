"""Disturbances of log energies during training: level, colour, bandwidth, vocal tract, noise, and masks (SpecAugment).

All on whole batches. Powers add as if speech and noise were never in phase. SpecAugment: Park et al., arXiv:1904.08779.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.recipes.bands import Shelf
from models.spectrum import BINS
from models.stt.network import QUIET

__all__ = ["Disturber"]

DB = math.log(10) / 10
WARPS = (0.9, 0.94, 0.97, 1.0, 1.0, 1.03, 1.06, 1.1)


class Disturber:
    """`(log energies [B, T, bands], fill [bands])` -> the same, heard elsewhere and with holes."""

    def __init__(self, noise: Shelf, *, noisy: float = 0.4, strips: int = 2) -> None:
        self.noise, self.noisy, self.strips = noise, noisy, strips
        self.warps = torch.stack([_warp(noise.frames.shape[1], factor) for factor in WARPS])

    def __call__(self, frames: Tensor, fill: Tensor) -> Tensor:
        count, length, bands = frames.shape
        warped = frames @ self.warps[torch.randint(len(WARPS), (count,))]
        power = (warped.exp() - QUIET).clamp(min=0) * self._colour(count, bands)
        power = power + self._noises(power)
        heard = (power + QUIET).log()
        return torch.where(_holes(count, length, bands, strips=self.strips), fill, heard)

    def _colour(self, count: int, bands: int) -> Tensor:
        """Level, a smooth tilt, now and then a telephone's band: gains `[B, 1, bands]`."""
        level_db = torch.randn(count, 1, 1) * 5
        tilt_db = F.interpolate(torch.randn(count, 1, 5) * 4, size=bands, mode="linear", align_corners=True)
        gain = ((level_db + tilt_db * (torch.rand(count, 1, 1) < 0.5)) * DB).exp()
        narrow = torch.rand(count, 1, 1) < 0.06
        edge = int(bands * 0.66)
        kept = torch.ones(bands)
        kept[edge:], kept[:4] = 0, 0.05
        return torch.where(narrow, gain * kept, gain)

    def _noises(self, power: Tensor) -> Tensor:
        count, length, _ = power.shape
        starts = np.random.default_rng(int(torch.randint(2**31, ()))).integers(
            len(self.noise.frames) - length, size=count
        )
        noise = np.stack([self.noise.frames[at : at + length] for at in starts]).astype(np.float32)
        other = (torch.from_numpy(noise).exp() - QUIET).clamp(min=0)
        snr_db = 2 + 23 * torch.rand(count, 1, 1)
        loud = power.mean((1, 2), keepdim=True) / other.mean((1, 2), keepdim=True).clamp(min=1e-9)
        wanted = torch.rand(count, 1, 1) < self.noisy
        return other * loud * (-snr_db * DB).exp() * wanted


def _warp(bands: int, factor: float) -> Tensor:
    """`[bands, bands]`: energies of a vocal tract `factor` times as short; mel scale, linear between bands."""
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (60.0, 31.25 * BINS))
    mels = low + (high - low) * (torch.arange(bands) + 1) / (bands + 1)
    hz = 700 * (10 ** (mels / 2595) - 1) * factor
    place = (2595 * torch.log10(1 + hz / 700) - low) / (high - low) * (bands + 1) - 1
    place = place.clamp(0, bands - 1)
    return (1 - (place - torch.arange(bands)[:, None]).abs()).clamp(min=0)


def _holes(count: int, length: int, bands: int, *, strips: int) -> Tensor:
    """Where energies are hidden `[B, T, bands]`: strips of bands; of time, up to 0.35 s, half as many every 1.1 s."""
    band, time = torch.arange(bands), torch.arange(length)
    hidden = torch.zeros(count, length, bands, dtype=torch.bool)
    for _ in range(strips):
        width = torch.randint(0, 15, (count, 1))
        at = (torch.rand(count, 1) * (bands - width)).long()
        hidden |= ((band >= at) & (band < at + width))[:, None]
    for _ in range(strips * max(1, length // 110) // 2):
        width = torch.randint(0, 36, (count, 1))
        at = (torch.rand(count, 1) * (length - width).clamp(min=1)).long()
        hidden |= ((time >= at) & (time < at + width))[..., None]
    return hidden

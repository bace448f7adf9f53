"""What the vocoder is asked to get right: spectra at several resolutions, and how loud each band of the ear is.

Speech is part noise, and no distance to one recording likes noise: the safest guess is a spectrum without any, which
buzzes. So two renderings that differ in their noise are judged together: each is to be near the recording, and as far
from the other as from it (the energy distance of Gritsenko et al., 2020, least only where both are alike in kind).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.tts.features import mel

__all__ = ["SpectralLoss"]

SIZES = (2048, 1024, 512, 240, 120)
QUIET = 2e-5  # magnitude below which a bin does not count: a sine 94 dB below full scale
LINEAR, HEARD = 0.5, 1.0  # weights beside the logs


class Seen(NamedTuple):
    """Sound as the loss sees it."""

    linear: list[Tensor]  # [B, K, N] magnitudes, size by size
    logs: list[Tensor]
    bands: Tensor  # [B, 80, N] log mel


class SpectralLoss(nn.Module):
    """Judges two renderings `[B, T]` against what was `wanted`; the parts can be below 0 for a few lucky clips."""

    def forward(self, made: tuple[Tensor, Tensor], wanted: Tensor) -> dict[str, Tensor]:
        one, other, aim = (seen(sound) for sound in (*made, wanted))
        near, far = (apart(one, aim), apart(other, aim)), apart(one, other)
        return {name: near[0][name] + near[1][name] - far[name] for name in far}


def seen(sound: Tensor) -> Seen:
    linear = [magnitudes(sound, size) for size in SIZES]
    return Seen(linear, [(x + QUIET).log() for x in linear], mel(sound)[..., 2:-2])


def apart(a: Seen, b: Seen) -> dict[str, Tensor]:
    """How far two sounds are from each other."""
    logs = [(x - y).abs().mean() for x, y in zip(a.logs, b.logs, strict=True)]
    linear = [2 * (x - y).abs().sum() / (x + y).detach().sum() for x, y in zip(a.linear, b.linear, strict=True)]
    return {
        "log": torch.stack(logs).mean(),
        "linear": LINEAR * torch.stack(linear).mean(),
        "mel": HEARD * (a.bands - b.bands).abs().mean(),
    }


def magnitudes(sound: Tensor, size: int) -> Tensor:
    """`[B, T] -> [B, size / 2 + 1, N]`, four to a window; 1/2 for a full-scale sine."""
    window = torch.hann_window(size, device=sound.device)
    bins = torch.stft(sound, size, size // 4, window=window / window.sum(), center=False, return_complex=True)
    return (bins.real.square() + bins.imag.square() + 1e-14).sqrt()

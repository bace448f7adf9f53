"""What the vocoder is asked to get right: spectra at several resolutions, and how loud each band of the ear is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.tts.features import mel

__all__ = ["SpectralLoss", "magnitudes"]

SIZES = (2048, 1024, 512, 240, 120)
QUIET = 2e-5  # magnitude below which a bin does not count: a sine 94 dB below full scale


class SpectralLoss(nn.Module):
    """Judges sound `made` against `wanted`, `[B, T]`.

    Logs weigh most: noise is never the same twice, and the difference of two Rayleigh magnitudes is least where one of
    them is too weak, that of their logs where both are alike. Bands of mel, whose noise is averaged, hold its level.
    """

    def forward(self, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        logs, linear = [], []
        for size in SIZES:
            a, b = magnitudes(made, size), magnitudes(wanted, size)
            logs.append(((a + QUIET).log() - (b + QUIET).log()).abs().mean())
            linear.append((a - b).abs().sum() / b.sum())
        heard = (mel(made) - mel(wanted)).abs()[..., 2:-2].mean()
        return {"log": torch.stack(logs).mean(), "linear": 0.5 * torch.stack(linear).mean(), "mel": heard}


def magnitudes(sound: Tensor, size: int) -> Tensor:
    """`[B, T] -> [B, size / 2 + 1, N]`, four to a window; 1/2 for a full-scale sine."""
    window = torch.hann_window(size, device=sound.device)
    bins = torch.stft(sound, size, size // 4, window=window / window.sum(), center=False, return_complex=True)
    return (bins.real.square() + bins.imag.square() + 1e-14).sqrt()

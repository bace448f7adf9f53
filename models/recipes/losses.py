"""What the enhancer is asked to get right: compressed spectra, the waveform, and what a listener would score."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_pesq import PesqLoss

from models.enhance import POWER

__all__ = ["EnhanceLoss"]

LOUDNESS = 0.07  # RMS to which a mixture is scaled before it is judged


class EnhanceLoss(nn.Module):
    """Judges `made` against `wanted` `[B, T]` at 16 kHz, both scaled as `heard` would be to a common loudness.

    The perceptual score forgives filtering, and a network soon muffles the highs to please it: it weighs little
    (0.25 alone cost 15 dB above 1.5 kHz), and a term on the long-term spectrum holds it.
    """

    def __init__(self, *, perceptual: float) -> None:
        super().__init__()
        self.pesq = PesqLoss(1.0, sample_rate=16_000)
        self.perceptual = perceptual
        self.sizes = ((512, 128), (1024, 256))

    def forward(self, made: Tensor, wanted: Tensor, heard: Tensor) -> dict[str, Tensor]:
        scale = LOUDNESS / (heard.square().mean(-1, keepdim=True).sqrt() + 1e-6)
        made, wanted = made * scale, wanted * scale
        terms = [self._spectral(made, wanted, size, hop) for size, hop in self.sizes]
        parts = {"spectral": sum(terms, made.new_zeros(())) * 5}
        spoken = wanted.square().mean(-1) > (0.05 * LOUDNESS) ** 2
        if bool(spoken.any()):
            parts["tilt"] = 0.03 * _tilt_db(made[spoken], wanted[spoken])
            parts["ratio"] = 0.022 * _distortion_db(made[spoken], wanted[spoken])
            parts["pesq"] = self.perceptual * self._heard_difference(made[spoken], wanted[spoken])
        return parts

    def _spectral(self, made: Tensor, wanted: Tensor, size: int, hop: int) -> Tensor:
        (a, a_size), (b, b_size) = _compressed(made, size, hop), _compressed(wanted, size, hop)
        return 0.7 * F.mse_loss(a_size, b_size) + 0.3 * F.mse_loss(a, b) * 2

    def _heard_difference(self, made: Tensor, wanted: Tensor) -> Tensor:
        difference: Tensor = self.pesq(wanted, made + 1e-5 * torch.randn_like(made))
        return difference.float().mean()


def _compressed(x: Tensor, size: int, hop: int) -> tuple[Tensor, Tensor]:
    """Power-compressed spectrum `[B, K, N, 2]` and its magnitude, on the scale of a 512 window."""
    bins = torch.stft(x, size, hop, window=torch.hann_window(size), return_complex=True) * (512 / size) ** 0.5
    flat = torch.view_as_real(bins)
    power = flat.square().sum(-1, keepdim=True) + 1e-6
    return flat * power ** ((POWER - 1) / 2), power.squeeze(-1) ** (POWER / 2)


def _distortion_db(made: Tensor, wanted: Tensor) -> Tensor:
    """Minus the scale-invariant signal-to-distortion ratio, flattened above 25 dB."""
    aim = wanted * ((made * wanted).sum(-1, keepdim=True) / wanted.square().sum(-1, keepdim=True))
    error = (made - aim).square().sum(-1) / (aim.square().sum(-1) + 1e-6)
    return 10 * torch.log10(error + 0.003).mean()


def _tilt_db(made: Tensor, wanted: Tensor) -> Tensor:
    """How far the long-term level of each 250 Hz band is off, beyond 1.5 dB."""
    levels = []
    for x in (made, wanted):
        bins = torch.stft(x, 512, 256, window=torch.hann_window(512), return_complex=True)[:, :256]
        power = torch.view_as_real(bins).square().sum(-1).mean(-1)  # [B, 256]
        levels.append(10 * torch.log10(power.unflatten(-1, (32, 8)).sum(-1) + 1e-4))
    return F.relu((levels[0] - levels[1]).abs() - 1.5).mean()

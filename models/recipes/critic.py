"""A critic of spectrograms: it learns to tell recorded from made, so that what is made keeps its fine structure.

A regression alone gives the mean of all likely spectra, which is blurred; least-squares adversarial training (Mao et
al., arXiv:1611.04076) with feature matching sharpens it. Knows nothing of phones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Critic", "critic_losses", "patches"]

WIDTHS = (24, 48, 96)
PATCH = 96  # frames


class Critic(nn.Module):
    """Spectra `[B, T, 80]`, standardised -> verdicts on patches, and the features on the way."""

    def __init__(self) -> None:
        super().__init__()
        channels = (2, *WIDTHS)
        self.layers = nn.ModuleList(
            nn.Conv2d(channels[i], channels[i + 1], 5, stride=2, padding=2) for i in range(len(WIDTHS))
        )
        self.verdict = nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)

    def forward(self, spectra: Tensor) -> list[Tensor]:
        heights = torch.linspace(-1, 1, spectra.shape[-1], device=spectra.device).expand_as(spectra)
        x = torch.stack([spectra, heights], 1)  # [B, 2, T, 80]
        found = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.verdict(x)]


def critic_losses(critic: nn.Module, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Spectra `[B, T, 80]` -> the critic's own loss, the maker's, and the distance of the features.

    The maker's losses leave the critic's weights alone, the critic's loss leaves the maker's.
    """
    on_real, on_made = critic(real), critic(made.detach())
    own = (on_real[-1] - 1).square().mean() + on_made[-1].square().mean()
    frozen = {name: weight.detach() for name, weight in critic.named_parameters()}
    seen = torch.func.functional_call(critic, frozen, (made,))
    fooling = (seen[-1] - 1).square().mean()
    apart = [
        (a - b.detach()).abs().mean() / b.detach().abs().mean() for a, b in zip(seen[:-1], on_real[:-1], strict=True)
    ]
    return own, fooling, torch.stack(apart).mean()


def patches(made: Tensor, real: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """The same `PATCH` frames of both `[B, T, 80]`, at a drawn place within a row's `frames` `[B]`; short rows go."""
    if int(frames.max()) < PATCH:
        return made[:0, :PATCH], real[:0, :PATCH]
    kept = [row for row in range(len(frames)) if frames[row] >= PATCH]
    begins = [int(torch.randint(int(frames[row]) - PATCH + 1, ())) for row in kept]
    pairs = [(made[r, b : b + PATCH], real[r, b : b + PATCH]) for r, b in zip(kept, begins, strict=True)]
    return torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])

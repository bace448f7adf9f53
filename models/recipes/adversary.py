"""Critics of sound that learn beside the vocoder: what spectra of three sizes still give away, it is to mend.

They see complex spectra, so fine structure in time and phase counts. How a critic is won over is written in
`critic.py`; this file knows how critics listen, and keeps them between runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.recipes.critic import critic_losses

__all__ = ["Adversary", "Listener"]

SIZES = (1024, 480, 240)
WIDTHS = (16, 24, 32, 48)
POWER = 0.3
FOOLING, MATCHING = 0.1, 0.5  # weights beside the spectral losses


class Listener(nn.Module):
    """Sound `[B, T]` -> verdicts on patches of its spectrum, last, and the features on the way."""

    window: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        inputs = (3, *WIDTHS[:-1])
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, (7, 3), stride=2, padding=(3, 1)) for a, b in zip(inputs, WIDTHS, strict=True)
        )
        self.verdict = nn.Conv2d(WIDTHS[-1], 1, 3, padding=1)

    def forward(self, sound: Tensor) -> list[Tensor]:
        x = self._seen(sound)
        found = []
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            x = F.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.verdict(x)]

    def _seen(self, sound: Tensor) -> Tensor:
        """Real and imaginary parts with compressed magnitudes, and how high a bin is: `[B, 3, K, N]`."""
        bins = torch.stft(sound, self.size, self.size // 4, window=self.window, center=False, return_complex=True)
        power = bins.real.square() + bins.imag.square() + 1e-6
        scale = power ** ((POWER - 1) / 2)
        height = torch.linspace(-1, 1, bins.shape[1], device=sound.device)[:, None].expand_as(power)
        return torch.stack([bins.real * scale, bins.imag * scale, height], 1)


@dataclass
class Adversary:
    """The critics, their optimiser, and where both are kept."""

    path: Path
    device: torch.device
    rate: float = 3e-4
    listeners: nn.ModuleList = field(init=False)

    def __post_init__(self) -> None:
        self.listeners = nn.ModuleList(Listener(size) for size in SIZES).to(self.device)
        self.optimiser = torch.optim.AdamW(self.listeners.parameters(), lr=self.rate, betas=(0.8, 0.99))
        if self.path.exists():
            saved = torch.load(self.path, weights_only=True)
            self.listeners.load_state_dict(saved["listeners"])
            self.optimiser.load_state_dict(saved["optimiser"])

    def save(self) -> None:
        fresh = self.path.with_suffix(".new")
        torch.save({"listeners": self.listeners.state_dict(), "optimiser": self.optimiser.state_dict()}, fresh)
        fresh.replace(self.path)

    def losses(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """Of the maker, for sound `[B, T]`; the critics learn from the same pair before the next."""
        self.optimiser.step()  # from the pair before: the maker's gradient needs this pair's weights as they are
        own, fooling, matching = (
            torch.stack(parts).mean()
            for parts in zip(*(critic_losses(listener, made, real) for listener in self.listeners), strict=True)
        )
        self.optimiser.zero_grad()
        own.backward()
        return {"fooling": FOOLING * fooling, "matching": MATCHING * matching}

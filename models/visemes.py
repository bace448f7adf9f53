"""What the mouth does for a sound: 48 kHz sound in, the rig's mouth out, every 10 ms, 75 ms after it was heard.

Log energies in 40 bands of the middle of the channels, three hops side by side, four dilated convolutions over the last
third of a second, one value for each of `MOUTH`. What comes out for a hop has heard seven more, as lips take their
shape before a sound is there. It knows nothing of words, faces or sessions. Works on `Spectrum`, so it can be trained
at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from models.layers import Dense
from models.mouth import MOUTH
from models.spectrum import Spectrum, mel_filters
from models.streaming import StreamingModule, Tree

__all__ = ["Visemes", "VisemesConfig", "VisemesState", "load_visemes"]

WEIGHTS = Path(__file__).parent / "weights" / "visemes.safetensors"
QUIET = 1e-6
SCALE = 4  # what logarithms are divided by
STACK = 3  # hops side by side


@dataclass(frozen=True)
class VisemesConfig:
    """Sizes: energies in `bands`, blocks of `width`; `lookahead` hops are heard before a shape is told."""

    bands: int = 40
    width: int = 104
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    lookahead: int = 7


class VisemesState(NamedTuple):
    """What the next hop needs of the past."""

    past: Tensor  # [B, window - hop] sound, middle of the channels
    stacked: Tensor  # [B, STACK - 1, bands]
    taps: tuple[Tensor, ...]  # [B, 2 * dilation, width] each


class Block(nn.Module):
    """A convolution over three moments, `dilation` hops apart, the newest being now; residual."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.mix = Dense(3 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, N, W]`, after silence."""
        return self._mixed(F.pad(x, (0, 0, 2 * self.dilation, 0)), x.shape[1])

    def step(self, x: Tensor, taps: Tensor) -> tuple[Tensor, Tensor]:
        """One hop `[B, 1, W]` after `taps` `[B, 2 * dilation, W]`; the taps of the next."""
        whole = torch.cat([taps, x], 1)
        return self._mixed(whole, 1), whole[:, 1:].contiguous()

    def _mixed(self, whole: Tensor, count: int) -> Tensor:
        moments = [whole[:, n * self.dilation : n * self.dilation + count] for n in range(3)]
        return moments[-1] + F.silu(self.mix(torch.cat(moments, -1)))


class Visemes(StreamingModule):
    """Sound `[B, C, T]` -> `MOUTH` in 0…1, `[B, 13, T / hop]`; a step lags by `lookahead` hops."""

    filters: Tensor

    def __init__(self, config: VisemesConfig | None = None, *, oversampling: int = 3) -> None:
        super().__init__()
        self.config = config or VisemesConfig()
        self.spectrum = Spectrum(oversampling)
        self.hop, self.delay = self.spectrum.hop, self.config.lookahead
        self.ratio = Fraction(1, self.hop)
        self.register_buffer("filters", mel_filters(self.config.bands), persistent=False)
        self.enter = Dense(STACK * self.config.bands, self.config.width)
        self.blocks = nn.ModuleList(Block(self.config.width, dilation) for dilation in self.config.dilations)
        self.leave = nn.Linear(self.config.width, len(MOUTH))

    def initial_state(self, slots: int) -> VisemesState:
        zeros = self.filters.new_zeros
        return VisemesState(
            past=zeros(slots, self.spectrum.window - self.hop),
            stacked=self._silence(slots),
            taps=tuple(zeros(slots, 2 * dilation, self.config.width) for dilation in self.config.dilations),
        )

    def _silence(self, rows: int) -> Tensor:
        return self.energies(self.filters.new_zeros(rows, STACK - 1, 2, len(self.filters)))

    def energies(self, spectrum: Tensor) -> Tensor:
        """Spectrum `[..., 2, 256]` -> log energies `[..., bands]`, roughly within ±2."""
        power = spectrum.square().sum(-2)
        return (power @ self.filters + QUIET).log() / SCALE

    def step(self, state: Tree, chunk: Tree) -> tuple[VisemesState, Tensor]:
        assert isinstance(state, VisemesState)
        assert isinstance(chunk, Tensor)
        whole = torch.cat([state.past, chunk.mean(1)], -1)  # [B, window]
        spectrum = self.spectrum.transform_step(whole * self.spectrum.analysis)
        stacked = torch.cat([state.stacked, self.energies(spectrum)[:, None]], 1)  # [B, STACK, bands]
        x, taps = F.silu(self.enter(stacked.flatten(1)))[:, None], []  # [B, 1, W]
        for block, before in zip(self.blocks, state.taps, strict=True):
            assert isinstance(block, Block)
            x, after = block.step(x, before)
            taps.append(after)
        new = VisemesState(whole[:, self.hop :].contiguous(), stacked[:, 1:].contiguous(), tuple(taps))
        return new, torch.sigmoid(self.leave(x)).transpose(1, 2)

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        later = F.pad(x, (0, self.delay * self.hop)).mean(1)
        spectrum = self.spectrum.transform(self.spectrum.frames(later))  # [B, N, 2, 256]
        return self.shapes(self.energies(spectrum))[..., self.delay :]

    def shapes(self, energies: Tensor) -> Tensor:
        """Log energies `[B, N, bands]` -> `[B, 13, N]`, `delay` steps late."""
        whole = torch.cat([self._silence(energies.shape[0]), energies], 1)
        stacked = whole.unfold(1, STACK, 1).transpose(2, 3).flatten(2)  # [B, N, STACK * bands]
        x = F.silu(self.enter(stacked))
        for block in self.blocks:
            x = block(x)
        return torch.sigmoid(self.leave(x)).transpose(1, 2)


def load_visemes(*, weights: Path = WEIGHTS) -> Visemes:
    """The shipped network for 48 kHz sound."""
    visemes = Visemes()
    visemes.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return visemes.eval()

"""The voice activity detector: how likely it is that somebody speaks, every 10 ms, from uncleaned 48 kHz sound.

Log energies in 40 bands of the middle of the channels, two small GRUs, one number. It tells a near talker from noise,
crowds and music; it does not know words, turns or sessions. Works on `Spectrum`, so it can be trained at 16 kHz.
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

from models.layers import Dense, TimeGRU
from models.spectrum import Spectrum, mel_filters
from models.streaming import StreamingModule, Tree

__all__ = ["Vad", "VadConfig", "VadState", "load_vad"]

WEIGHTS = Path(__file__).parent / "weights" / "vad.safetensors"
QUIET = 1e-6


@dataclass(frozen=True)
class VadConfig:
    """Sizes: energies in `bands`, GRUs of `width`."""

    bands: int = 40
    width: int = 48


class VadState(NamedTuple):
    """What the next hop needs of the past."""

    past: Tensor  # [B, window - hop] sound, middle of the channels
    memory: Tensor  # [B, 2, 1, width] of the GRUs


class Vad(StreamingModule):
    """Sound `[B, C, T]` -> probability of speech `[B, 1, T / hop]`; no delay beyond the hop."""

    delay = 0
    filters: Tensor

    def __init__(self, config: VadConfig | None = None, *, oversampling: int = 3) -> None:
        super().__init__()
        self.config = config or VadConfig()
        self.spectrum = Spectrum(oversampling)
        self.hop = self.spectrum.hop
        self.ratio = Fraction(1, self.hop)
        self.register_buffer("filters", mel_filters(self.config.bands), persistent=False)
        self.enter = Dense(self.config.bands, self.config.width)
        self.first, self.second = TimeGRU(self.config.width), TimeGRU(self.config.width)
        self.leave = nn.Linear(self.config.width, 1)

    def initial_state(self, slots: int) -> VadState:
        past = self.filters.new_zeros(slots, self.spectrum.window - self.hop)
        return VadState(past, self._initial_memory(slots))

    def _initial_memory(self, slots: int) -> Tensor:
        return self.filters.new_zeros(slots, 2, 1, self.config.width)

    def energies(self, spectrum: Tensor) -> Tensor:
        """Spectrum `[..., 2, 256]` -> log energies `[..., bands]`, roughly within ±2."""
        power = spectrum.square().sum(-2)
        return (power @ self.filters + QUIET).log() / 4

    def step(self, state: Tree, chunk: Tree) -> tuple[VadState, Tensor]:
        assert isinstance(state, VadState)
        assert isinstance(chunk, Tensor)
        whole = torch.cat([state.past, chunk.mean(1)], -1)  # [B, window]
        spectrum = self.spectrum.transform_step(whole * self.spectrum.analysis)
        x = F.silu(self.enter(self.energies(spectrum)))[:, None]  # [B, 1, W]
        first = self.first.step(x, state.memory[:, 0])
        second = self.second.step(first, state.memory[:, 1])
        memory = torch.stack([first, second], 1)
        return VadState(whole[:, self.hop :].contiguous(), memory), torch.sigmoid(self.leave(second + first))

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        return torch.sigmoid(self.logits(x.mean(1)))[:, None]

    def logits(self, middle: Tensor) -> Tensor:
        """`[B, T]` -> `[B, T / hop]`."""
        spectrum = self.spectrum.transform(self.spectrum.frames(middle))  # [B, N, 2, 256]
        x = F.silu(self.enter(self.energies(spectrum)))[:, :, None]  # [B, N, 1, W]
        memory = self._initial_memory(x.shape[0])
        first, _ = self.first(x, memory[:, 0])
        second, _ = self.second(first, memory[:, 1])
        y: Tensor = self.leave(second + first)
        return y[:, :, 0, 0]


def load_vad(*, weights: Path = WEIGHTS) -> Vad:
    """The shipped detector for 48 kHz sound."""
    vad = Vad()
    vad.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return vad.eval()

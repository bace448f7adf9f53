"""The recogniser's network: 48 kHz sound in, a column of scaled log posteriors over phones every 20 ms out.

Log energies in 64 mel bands every 10 ms, stacked to frames of 40 ms, then blocks of attention over the past 2.6 s,
a convolution that looks one frame ahead, and a feed-forward layer (a streaming Conformer: Gulati et al.,
arXiv:2005.08100; ALiBi positions: Press et al., arXiv:2108.12409). Trained by CTC with label priors (Huang et al.,
arXiv:2406.02560), so that phones last as long as they sound. Knows phones, not words: see `search.py`.
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

from models.spectrum import Spectrum, mel_filters
from models.streaming import StreamingModule, Tree
from models.stt.phones import PHONES

__all__ = ["COLUMN_MS", "Recogniser", "RecogniserConfig", "RecogniserState", "load_recogniser"]

WEIGHTS = Path(__file__).parent.parent / "weights" / "stt.safetensors"
QUIET = 1e-6
STACK = 4  # mel frames in a network frame
COLUMNS = 2  # of posteriors in a network frame
COLUMN_MS = 20
FRAMES_A_STEP = 4


@dataclass(frozen=True)
class RecogniserConfig:
    """Sizes: `blocks` of `width` with `heads`; `past` frames of 40 ms are attended to, `reach` convolved over."""

    bands: int = 64
    width: int = 192
    heads: int = 3
    blocks: int = 7
    wider: int = 3
    past: int = 64
    reach: int = 8


class RecogniserState(NamedTuple):
    """What the next step needs of the past; times are in network frames, newest last."""

    sound: Tensor  # [B, window - hop]
    bands: Tensor  # [B, 2 * STACK, bands]
    keys: Tensor  # [B, blocks, past, 2 * width]: keys and values
    gates: Tensor  # [B, blocks, reach, width]: of the convolutions
    waiting: Tensor  # [B, blocks, 1, width]: the frame whose next one is not there yet
    seen: Tensor  # [B]: frames since the start, counted up to `past + blocks + 2`


class Block(nn.Module):
    """Attention over the past, a convolution with one frame of look-ahead, feed-forward; all residual."""

    def __init__(self, config: RecogniserConfig, *, dropout: float) -> None:
        super().__init__()
        width = config.width
        self.heads, self.past, self.reach = config.heads, config.past, config.reach
        self.norm_a, self.norm_c, self.norm_f = (nn.LayerNorm(width) for _ in range(3))
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.gate, self.back = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.taps = nn.Parameter(torch.randn(width, 1, config.reach + 1) * (config.reach + 1) ** -0.5)
        self.norm_t = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, config.wider * width), nn.Linear(config.wider * width, width)
        self.drop = nn.Dropout(dropout)

    def attend(self, query: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        """Queries `[B, N, W]`, keys and values `[B, M, 2W]`, bias `[B or 1, H, N, M]` -> `[B, N, W]`."""
        b, n, w = query.shape
        q = query.view(b, n, self.heads, -1).transpose(1, 2)
        k, v = keys.view(b, keys.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Written out: on a CPU the fused operation's backward pass takes five times as long.
        weight = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + bias, -1)
        y = weight @ v
        made: Tensor = self.out(y.transpose(1, 2).reshape(b, n, w))
        return made

    def gated(self, x: Tensor) -> Tensor:
        """What the convolution runs over."""
        made: Tensor = F.glu(self.gate(self.norm_c(x)), -1)
        return made

    def convolved(self, window: Tensor) -> Tensor:
        """`[B, N + reach, W]` -> `[B, N, W]`."""
        y = F.conv1d(window.transpose(1, 2), self.taps, groups=self.taps.shape[0]).transpose(1, 2)
        made: Tensor = self.back(F.silu(self.norm_t(y)))
        return made

    def fed(self, x: Tensor) -> Tensor:
        made: Tensor = self.down(F.silu(self.up(self.norm_f(x))))
        return made

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """The whole sequence `[B, N, W]`."""
        query, keys = self.mix(self.norm_a(x)).split([x.shape[-1], 2 * x.shape[-1]], -1)
        x = x + self.attend(query, keys, bias)
        x = x + self.convolved(F.pad(self.gated(x), (0, 0, self.reach - 1, 1)))
        made: Tensor = x + self.drop(self.fed(x))
        return made


class Recogniser(StreamingModule):
    """Sound `[B, 1, T]` -> scaled log posteriors `[B, 40, T / 960]`, one column every 20 ms."""

    mean: Tensor
    spread: Tensor
    prior: Tensor
    slopes: Tensor
    filters: Tensor

    def __init__(self, config: RecogniserConfig | None = None, *, oversampling: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config = config or RecogniserConfig()
        self.spectrum = Spectrum(oversampling)
        self.hop = self.spectrum.hop * STACK * FRAMES_A_STEP
        self.ratio = Fraction(COLUMNS, self.spectrum.hop * STACK)
        self.delay = COLUMNS * (config.blocks + 1)
        self.register_buffer("filters", mel_filters(config.bands), persistent=False)
        self.register_buffer("mean", torch.zeros(config.bands))
        self.register_buffer("spread", torch.ones(config.bands))
        self.register_buffer("prior", torch.zeros(len(PHONES)))
        self.register_buffer("slopes", 2.0 ** -(2.0 * torch.arange(config.heads) + 1), persistent=False)
        self.enter = nn.Linear(3 * STACK * config.bands, config.width)
        self.blocks = nn.ModuleList(Block(config, dropout=dropout) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, COLUMNS * len(PHONES))

    def initial_state(self, slots: int) -> RecogniserState:
        c, zeros = self.config, self.mean.new_zeros
        return RecogniserState(
            sound=zeros(slots, self.spectrum.window - self.spectrum.hop),
            bands=zeros(slots, 2 * STACK, c.bands),
            keys=zeros(slots, c.blocks, c.past, 2 * c.width),
            gates=zeros(slots, c.blocks, c.reach, c.width),
            waiting=zeros(slots, c.blocks, 1, c.width),
            seen=zeros(slots),
        )

    def energies(self, spectrum: Tensor) -> Tensor:
        """Spectrum `[..., 2, 256]` -> log energies `[..., bands]`."""
        return (spectrum.square().sum(-2) @ self.filters + QUIET).log()

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        spectrum = self.spectrum.transform(self.spectrum.frames(x[:, 0]))  # [B, 4N, 2, 256]
        return self.scaled(self.logits(self.energies(spectrum)))

    def scaled(self, logits: Tensor) -> Tensor:
        """Logits `[B, N, 40]` -> scaled log posteriors `[B, 40, N]`."""
        return (F.log_softmax(logits, -1) - self.prior).transpose(1, 2)

    def logits(self, energies: Tensor) -> Tensor:
        """Log energies `[B, 4N, bands]` -> `[B, 2N, 40]`, time-aligned."""
        x = (energies - self.mean) / self.spread
        wide = F.pad(x, (0, 0, STACK, STACK)).unfold(1, 3 * STACK, STACK)  # [B, N, bands, 12]
        x = self.enter(wide.transpose(2, 3).flatten(2))
        bias = self._offline_bias(x.shape[1]).to(x.dtype)
        for block in self.blocks:
            x = block(x, bias)
        made: Tensor = self.leave(self.norm(x))
        return made.view(x.shape[0], -1, len(PHONES))

    def _offline_bias(self, frames: int) -> Tensor:
        at = torch.arange(frames, device=self.slopes.device)
        return self._bias(at[:, None] - at)[None]

    def _bias(self, age: Tensor) -> Tensor:
        """How much older a key is than its query `[..., N, M]` -> `[..., H, N, M]`."""
        allowed = (age >= 0) & (age < self.config.past)
        falling = -age.unsqueeze(-3) * self.slopes[:, None, None]
        return torch.where(allowed.unsqueeze(-3), falling, -torch.inf)

    def step(self, state: Tree, chunk: Tree) -> tuple[RecogniserState, Tensor]:
        assert isinstance(state, RecogniserState)
        assert isinstance(chunk, Tensor)
        sound, bands, x = self.entered(state.sound, state.bands, state.seen, chunk)
        number = state.seen[:, None] + torch.arange(FRAMES_A_STEP, device=x.device) - 1  # of each frame in x
        kept: list[tuple[Tensor, Tensor, Tensor]] = []
        for i, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            x, parts = self._step_block(block, x, state, i, number - i)
            kept.append(parts)
        keys, gates, waiting = (torch.stack(parts, 1) for parts in zip(*kept, strict=True))
        seen = (state.seen + FRAMES_A_STEP).clamp(max=float(self.config.past + self.config.blocks + FRAMES_A_STEP))
        new = RecogniserState(sound=sound, bands=bands, keys=keys, gates=gates, waiting=waiting, seen=seen)
        return new, self.left(x)

    def entered(self, sound: Tensor, bands: Tensor, seen: Tensor, chunk: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From the past of sound and energies and the new sound `[B, 1, hop]`: what is next past of both, and the
        frames `[B, 4, W]` for the blocks; `seen` `[B]` as in the state, counted up at least to 2.
        """
        sound = torch.cat([sound, chunk[:, 0]], -1)
        bands = torch.cat([bands, self._hops(sound)], 1)  # [B, 8 + 16, bands]
        # The first stacked frames end before the sound began: there the offline truth pads with the mean.
        shift = seen[:, None] * STACK + torch.arange(bands.shape[1], device=sound.device) - 2 * STACK
        x = torch.where((shift >= 0)[..., None], (bands - self.mean) / self.spread, 0.0)
        x = self.enter(x.unfold(1, 3 * STACK, STACK).transpose(2, 3).flatten(2))
        kept = self.spectrum.window - self.spectrum.hop
        return sound[:, -kept:].contiguous(), bands[:, -2 * STACK :].contiguous(), x

    def left(self, x: Tensor) -> Tensor:
        """What comes of the last block's frames `[B, N, W]`: scaled log posteriors `[B, 40, 2 N]`."""
        return self.scaled(self.leave(self.norm(x)).view(x.shape[0], -1, len(PHONES)))

    def _hops(self, sound: Tensor) -> Tensor:
        """`[B, window - hop + 16 hops]` -> log energies `[B, 16, bands]`."""
        frames = sound.unfold(-1, self.spectrum.window, self.spectrum.hop) * self.spectrum.analysis
        spectrum = self.spectrum.transform_step(frames.flatten(0, 1))
        return self.energies(spectrum).view(sound.shape[0], STACK * FRAMES_A_STEP, -1)

    def _step_block(
        self, block: Block, x: Tensor, state: RecogniserState, i: int, number: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """One block over frames `number` `[B, N]`, `x` `[B, N, W]`; what comes out is a frame older."""
        n, w = x.shape[1], x.shape[2]
        query, fresh = block.mix(block.norm_a(x)).split([w, 2 * w], -1)
        keys = torch.cat([state.keys[:, i], fresh], 1)  # [B, past + N, 2W]
        index = torch.arange(keys.shape[1], device=x.device)
        age = (index[self.config.past :, None] - index)[None]  # [1, N, past + N]
        born = number[:, :1] + index - self.config.past >= 0  # [B, past + N]
        # A frame from before the start sees only itself, which keeps its (unused) numbers finite.
        bias = torch.where((born[:, None] | (age == 0))[:, None], self._bias(age), -torch.inf)
        x = x + block.attend(query, keys, bias)
        gated = torch.where((number >= 0)[..., None], block.gated(x), 0.0)
        gates = torch.cat([state.gates[:, i], gated], 1)  # [B, reach + N, W]
        held = torch.cat([state.waiting[:, i], x], 1)
        y = held[:, :n] + block.convolved(gates)
        y = y + block.fed(y)
        return y, (keys[:, n:], gates[:, n:], held[:, n:])  # views: stacking copies them


def load_recogniser(*, weights: Path = WEIGHTS) -> Recogniser:
    """The shipped recogniser for 48 kHz sound."""
    network = Recogniser()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return network.eval()

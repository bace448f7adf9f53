"""The speech enhancer: a small causal network that turns each 10 ms of noisy sound into a mask over its spectrum.

The shape follows FastEnhancer (Ahn et al., 2025): a strided convolution over frequency, a few bands, and blocks of a
GRU over time and attention over frequency; written anew for a 10 ms hop and a low-delay window. The network sees the
middle of the channels up to 8 kHz; all channels get its mask, and what lies above 8 kHz gets one gain that follows
the top of the mask. It knows nothing of sessions or strength controls.
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

from models.layers import BandAttention, BandConv, Dense, TimeGRU
from models.spectrum import BINS, Spectrum
from models.streaming import StreamingModule, Tree

__all__ = ["EnhanceConfig", "EnhanceState", "Enhancer", "MaskNet", "load_enhancer"]

WEIGHTS = Path(__file__).parent / "weights" / "enhance.safetensors"
POWER = 0.3
QUIET = 1e-8  # added to a bin's power: about -105 dB of full scale
LOUDEST = 1.6  # gain of a bin; beyond 1 where noise took away from speech
STRIDE = 4
BANDS = BINS // STRIDE
TOP = BINS // 2  # bins from here up steer what lies above 8 kHz


@dataclass(frozen=True)
class EnhanceConfig:
    """Sizes: `channels` at 64 bands, `width` at `bands` bands, `blocks` of time and frequency."""

    channels: int = 32
    width: int = 32
    bands: int = 24
    heads: int = 2
    blocks: int = 3
    layers: int = 2


class EnhanceState(NamedTuple):
    """What the next hop needs of the past."""

    past: Tensor  # [B, C, window - hop] sound
    tail: Tensor  # [B, C, hop] half-finished output
    memory: Tensor  # [B, blocks, bands, width] of the GRUs


class Residual(nn.Module):
    """`x + silu(conv(x))`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = BandConv(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.silu(self.conv(x))


class Encoder(nn.Module):
    """Compressed spectrum `[N, 2, 256]` -> bands `[N, F, W]`, and what the decoder looks back at."""

    def __init__(self, config: EnhanceConfig) -> None:
        super().__init__()
        self.enter = Dense(4 * STRIDE, config.channels)
        self.layers = nn.ModuleList(Residual(config.channels) for _ in range(config.layers))
        self.fewer = nn.Parameter(torch.randn(config.bands, BANDS) * BANDS**-0.5)
        self.narrow = Dense(config.channels, config.width)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        groups = F.pad(x, (STRIDE // 2, STRIDE // 2)).view(x.shape[0], 2, BANDS + 1, STRIDE)
        groups = groups.transpose(1, 2).reshape(x.shape[0], BANDS + 1, 2 * STRIDE)
        y = F.silu(self.enter(torch.cat([groups[:, :-1], groups[:, 1:]], -1)))  # [N, 64, C]
        seen = []
        for layer in self.layers:
            y = layer(y)
            seen.append(y)
        return self.narrow(self.fewer @ y), seen


class Decoder(nn.Module):
    """Bands `[N, F, W]` and the encoder's layers -> a complex mask `[N, 2, 256]` on the compressed spectrum."""

    def __init__(self, config: EnhanceConfig) -> None:
        super().__init__()
        self.more = nn.Parameter(torch.randn(BANDS, config.bands) * config.bands**-0.5)
        self.widen = Dense(config.width, config.channels)
        self.joins = nn.ModuleList(Dense(2 * config.channels, config.channels) for _ in range(config.layers))
        self.layers = nn.ModuleList(Residual(config.channels) for _ in range(config.layers))
        self.leave = nn.Linear(config.channels, 4 * STRIDE)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.constant_(self.leave.bias.view(2, 2, STRIDE)[:, 0], 0.35)

    def forward(self, x: Tensor, seen: list[Tensor]) -> Tensor:
        y = self.more @ self.widen(x)  # [N, 64, C]
        for join, layer, skip in zip(self.joins, self.layers, reversed(seen), strict=True):
            y = layer(F.silu(join(torch.cat([y, skip], -1))))
        low, high = self._leave(y).chunk(2, -1)  # [N, 64, 8] each
        mask = F.pad(low, (0, 0, 0, 1)) + F.pad(high, (0, 0, 1, 0))
        mask = mask.view(-1, BANDS + 1, 2, STRIDE).transpose(1, 2).flatten(2)
        inner: Tensor = mask[..., STRIDE // 2 : -STRIDE // 2]
        return inner

    def _leave(self, y: Tensor) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):
            out: Tensor = self.leave(y.float())
        return out


class TimeFrequency(nn.Module):
    """A block: GRU over time, then attention over frequency, each added to what came in."""

    def __init__(self, config: EnhanceConfig) -> None:
        super().__init__()
        self.time = TimeGRU(config.width)
        self.after = Dense(config.width, config.width)
        self.across = BandAttention(config.width, config.bands, config.heads)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """A sequence `[B, T, F, W]`."""
        heard, _ = self.time(x, state)
        y = (x + self.after(heard)).flatten(0, 1)
        across: Tensor = y + self.across(y)
        return across.view(x.shape)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One frame `[B, F, W]`."""
        state = self.time.step(x, state)
        y = x + self.after(state)
        return y + self.across(y), state


class MaskNet(nn.Module):
    """Compressed spectrum in, complex mask on it out; works the same at any sound rate."""

    def __init__(self, config: EnhanceConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.blocks = nn.ModuleList(TimeFrequency(config) for _ in range(config.blocks))
        self.decoder = Decoder(config)

    def initial_memory(self, slots: int) -> Tensor:
        c = self.config
        return self.decoder.more.new_zeros(slots, c.blocks, c.bands, c.width)

    def forward(self, spectrum: Tensor) -> Tensor:
        """A sequence `[B, T, 2, 256]` from silence; mask of the same shape."""
        b, t = spectrum.shape[:2]
        x, seen = self.encoder(spectrum.flatten(0, 1))
        x, memory = x.view(b, t, *x.shape[1:]), self.initial_memory(b)
        for i, block in enumerate(self.blocks):
            x = block(x, memory[:, i])
        mask: Tensor = self.decoder(x.flatten(0, 1), seen)
        return mask.view(spectrum.shape)

    def step(self, spectrum: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """One frame `[B, 2, 256]`; mask of the same shape and the next memory."""
        x, seen = self.encoder(spectrum)
        kept = []
        for i, block in enumerate(self.blocks):
            assert isinstance(block, TimeFrequency)
            x, state = block.step(x, memory[:, i])
            kept.append(state)
        return self.decoder(x, seen), torch.stack(kept, 1)


def compress(spectrum: Tensor) -> Tensor:
    """Spectrum `[..., 2, K]` with its magnitudes to the power 0.3."""
    power = spectrum.square().sum(-2, keepdim=True)
    return spectrum * (power + QUIET) ** ((POWER - 1) / 2)


def expand(mask: Tensor) -> Tensor:
    """A mask on the compressed spectrum `[..., 2, K]` -> the same on the spectrum itself, at most `LOUDEST`."""
    power = mask.square().sum(-2, keepdim=True) + 1e-12
    return mask * power.clamp(max=LOUDEST ** (2 * POWER)) ** (0.5 / POWER) * power.rsqrt()


class Enhancer(StreamingModule):
    """Sound `[B, C, T]` -> cleaned sound, 20 ms later (10 ms hop, 10 ms overlap). 48 kHz at `oversampling` 3."""

    ratio = Fraction(1)

    def __init__(self, config: EnhanceConfig | None = None, *, channels: int = 1, oversampling: int = 3) -> None:
        super().__init__()
        self.channels = channels
        self.net = MaskNet(config or EnhanceConfig())
        self.spectrum = Spectrum(oversampling)
        self.hop = self.delay = self.spectrum.hop

    def initial_state(self, slots: int) -> EnhanceState:
        memory = self.net.initial_memory(slots)
        past = memory.new_zeros(slots, self.channels, self.spectrum.window - self.hop)
        return EnhanceState(past, memory.new_zeros(slots, self.channels, self.hop), memory)

    def step(self, state: Tree, chunk: Tree) -> tuple[EnhanceState, Tensor]:
        assert isinstance(state, EnhanceState)
        assert isinstance(chunk, Tensor)
        whole = torch.cat([state.past, chunk], -1)  # [B, C, window]
        frames = (whole * self.spectrum.analysis).flatten(0, 1)  # [B * C, window]
        spectra = self.spectrum.transform_step(frames).view(*whole.shape[:2], 2, BINS)
        middle, power = spectra.mean(1), frames.view(whole.shape).mean(1).square().sum(-1)
        mask, memory = self.net.step(compress(middle), state.memory)
        gain, low = self.gains(mask, middle, power)  # [B, 1], [B, 2, 256]
        tails = self.spectrum.tails_step(multiply(low[:, None], spectra).flatten(0, 1))
        tails = tails + (frames[:, -2 * self.hop :].view(*whole.shape[:2], -1) * gain[:, None]).flatten(0, 1)
        first, second = (tails * self.spectrum.synthesis).view(*whole.shape[:2], -1).split(self.hop, -1)
        return EnhanceState(whole[..., self.hop :].contiguous(), second.contiguous(), memory), state.tail + first

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        b, c, t = x.shape
        frames = self.spectrum.frames(F.pad(x, (0, self.hop)).flatten(0, 1))  # [B * C, N, window]
        spectra = self.spectrum.transform(frames).unflatten(0, (b, c))  # [B, C, N, 2, 256]
        middle, power = spectra.mean(1), frames.unflatten(0, (b, c)).mean(1).square().sum(-1)
        gain, low = self.gains(self.net(compress(middle)), middle, power)
        tails = self.spectrum.tails(multiply(low[:, None], spectra))  # [B, C, N, 2 * hop]
        tails = tails + frames[..., -2 * self.hop :].unflatten(0, (b, c)) * gain[:, None]
        return self.spectrum.overlap(tails.flatten(0, 1)).view(b, c, t)

    def gains(self, mask: Tensor, spectrum: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        """The gain above 8 kHz `[..., 1]`, and by how much the low bins' gains differ from it `[..., 2, 256]`.

        `power` `[...]` is the sum of squares of the windowed frame. Sound above 8 kHz that stands more than 20 dB over
        what is between 4 and 8 kHz is no voice, whatever the mask says there.
        """
        low, bins = expand(mask), spectrum.square().sum(-2)
        above = (power * BINS / self.spectrum.oversampling - bins.sum(-1)).clamp(min=0)
        most = ((100 * bins[..., TOP:].sum(-1) + QUIET) / (above + QUIET)).sqrt().clamp(max=1)
        gain = low[..., TOP:].square().sum(-2).add(1e-12).sqrt().clamp(max=1).mean(-1)
        gain = torch.minimum(gain, most).unsqueeze(-1)
        return gain, torch.stack([low[..., 0, :] - gain, low[..., 1, :]], -2)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Complex product of `[..., 2, K]`."""
    real = a[..., 0, :] * b[..., 0, :] - a[..., 1, :] * b[..., 1, :]
    imag = a[..., 0, :] * b[..., 1, :] + a[..., 1, :] * b[..., 0, :]
    return torch.stack([real, imag], -2)


def load_enhancer(*, channels: int = 1, weights: Path = WEIGHTS) -> Enhancer:
    """The shipped enhancer for 48 kHz sound."""
    enhancer = Enhancer(channels=channels)
    stored = {name: tensor.float() for name, tensor in load_file(weights).items()}
    enhancer.net.load_state_dict(stored)
    return enhancer.eval()

"""The vocoder: features of a voice to sound at 24 kHz, 20 ms a step, 27.5 ms behind.

A source and a filter. The source is a train of pulses that follows F0 (every harmonic at the same strength, its phase
carried in the state) and noise from a table, which swells with every pulse as breath does. The filter is a mask on
their short spectra, every 5 ms: its start is the mel spectrum itself, with the minimum phase that belongs to it; a
causal ConvNeXt says by how much each band of harmonics and of noise differs from that, and turns their phase. So it
speaks before it has learned anything, and learns the rest from little. The harmonic prior is of DDSP (Engel et al.,
2020) and Wavehax (Yoneyama et al., 2024), the network of Vocos (Siuzdak, 2023). Knows nothing of text or phones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from models.streaming import StreamingModule, Tree
from models.tts.features import BANDS, FEATURES, HOP, LOG_FLOOR, PITCH_HZ, PITCH_ROW, VOICE_HZ, VOICED_ROW, band_weights

__all__ = ["Vocoder", "VocoderConfig", "VocoderState", "load_vocoder"]

WEIGHTS = Path(__file__).parent / "weights" / "vocoder.safetensors"
SUB = HOP // 2  # samples from one short spectrum to the next
WINDOW, SIZE = 4 * SUB, 512
BINS = SIZE // 2 + 1
AHEAD = 2  # frames that the network sees beyond its own
SEEN = 2 * AHEAD + 1
PAST_SOURCE, TAIL = WINDOW + SUB // 2, WINDOW - SUB
NOISE_SAMPLES = 1 << 16
SWELL = 0.7  # by how much noise swells and ebbs with the pulses where the voice sounds
HIGHEST_HZ = 11_800.0  # of a harmonic
LOUDEST = 5.0  # log of a filter's gain, at most
UNVOICED, VOICED = 4.0, 1.5  # by how much harmonics go down where the voice is silent, and noise where it sounds
LEVEL = 0.3  # log of the gain at which noise of variance 1 has the mel spectrum that it is filtered with


@dataclass(frozen=True)
class VocoderConfig:
    """Sizes: `blocks` of `width` channels that look `reach` frames back in all, `spread` times as wide inside."""

    width: int = 160
    blocks: int = 4
    reach: int = 7
    spread: int = 3


class VocoderState(NamedTuple):
    """What the next step needs of the past."""

    frames: Tensor  # [B, 82, SEEN - 1] features
    memory: Tensor  # [B, blocks, reach - 1, width] inputs of the blocks
    turns: Tensor  # [B, 1] phase of the source, in turns; double, so that hours do not blur it
    drawn: Tensor  # [B, 1] where in the table of noise we are
    source: Tensor  # [B, 2, PAST_SOURCE] pulses and noise
    tail: Tensor  # [B, TAIL] half-finished sound


class Block(nn.Module):
    """`[B, N, W] -> [B, N, W]`: each channel over time, then channels among themselves, added to what came in."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.over_time = nn.Parameter(torch.randn(config.width, 1, config.reach) * config.reach**-0.5)
        self.norm = nn.LayerNorm(config.width)
        self.widen = nn.Linear(config.width, config.spread * config.width)
        self.narrow = nn.Linear(config.spread * config.width, config.width)
        nn.init.normal_(self.narrow.weight, std=0.02)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """And the inputs `[B, reach - 1, W]` that the next call needs."""
        whole = torch.cat([past, x], 1)
        mixed = (whole.unfold(1, self.over_time.shape[-1], 1) * self.over_time[:, 0]).sum(-1)
        y = self.narrow(F.silu(self.widen(self.norm(mixed))))
        return x + y, whole[:, x.shape[1] :]


class FilterNet(nn.Module):
    """Features -> for both short spectra of a frame: bands of harmonics, of noise, and of turned phase."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(SEEN * FEATURES, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, 2 * 3 * BANDS)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, frames: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Features `[B, 82, N + SEEN - 1]` -> `[B, 3, 2 N, 80]`, and the next memory."""
        seen = frames.unfold(-1, SEEN, 1).transpose(1, 2).flatten(2)  # [B, N, 82 * SEEN]
        x = self.enter(seen)
        kept = []
        for i, block in enumerate(self.blocks):
            x, past = block(x, memory[:, i])
            kept.append(past)
        bands: Tensor = self.leave(self.norm(x))
        return bands.view(x.shape[0], -1, 3, BANDS).transpose(1, 2), torch.stack(kept, 1)


class Vocoder(StreamingModule):
    """Features `[B, 82, N]` -> sound `[B, 1, 240 N]`; a step takes two frames."""

    hop = 2
    ratio = Fraction(HOP)
    delay = AHEAD * HOP + HOP - SUB // 2
    window: Tensor
    noise: Tensor
    to_bins: Tensor
    to_turn: Tensor
    offset: Tensor
    scale: Tensor
    silence: Tensor
    ramp: Tensor

    def __init__(self, config: VocoderConfig | None = None) -> None:
        super().__init__()
        self.config = config or VocoderConfig()
        self.net = FilterNet(self.config)
        tables = {"window": torch.hann_window(WINDOW).sqrt(), "ramp": torch.arange(HOP, dtype=torch.float32)}
        tables |= {"to_bins": band_weights(SIZE), "noise": _noise()}
        tables["to_turn"] = minimum_phase(tables["to_bins"])
        tables["silence"] = torch.zeros(1, FEATURES, 1)
        tables["silence"][:, :BANDS] = math.log(LOG_FLOOR)
        tables["offset"] = torch.tensor([6.0] * BANDS + [0.0, 0.0])[:, None]
        tables["scale"] = torch.tensor([1 / 3] * BANDS + [2.0, 1.0])[:, None]
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def initial_state(self, slots: int) -> VocoderState:
        def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(slots, *shape, dtype=dtype, device=self.window.device)

        c = self.config
        return VocoderState(
            self.silence.repeat(slots, 1, SEEN - 1),
            zeros(c.blocks, c.reach - 1, c.width),
            zeros(1, dtype=torch.float64),
            zeros(1, dtype=torch.int64),
            zeros(2, PAST_SOURCE),
            zeros(TAIL),
        )

    def step(self, state: Tree, chunk: Tree) -> tuple[VocoderState, Tensor]:
        """Any whole number of frames; an engine gives it `hop` of them."""
        assert isinstance(state, VocoderState)
        assert isinstance(chunk, Tensor)
        frames = torch.cat([state.frames, chunk], -1)  # [B, 82, 4 + N]
        bands, memory = self.net((frames + self.offset) * self.scale, state.memory)
        fresh, turns, drawn = self.sources(frames[:, PITCH_ROW:, SEEN - 2 :], state.turns, state.drawn)
        source = torch.cat([state.source, fresh], -1)
        spectra = self._filtered(source, bands, frames[..., AHEAD:-AHEAD])
        sound, tail = self._overlapped(torch.fft.irfft(spectra, SIZE)[..., :WINDOW], state.tail)
        kept = (frames[..., 1 - SEEN :], memory, turns, drawn, source[..., -PAST_SOURCE:], tail)
        return VocoderState(*(leaf.contiguous() for leaf in kept)), sound[:, None]

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        return self.sound(x, self.initial_state(x.shape[0]))

    def sound(self, x: Tensor, state: VocoderState) -> Tensor:
        """`forward` from a state of choice."""
        ended = torch.cat([x, self.silence.expand(x.shape[0], -1, AHEAD + 1)], -1)
        _, made = self.step(state, ended)
        return made[..., self.delay : self.delay + HOP * x.shape[-1]]

    def sources(self, rows: Tensor, turns: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows 80 and 81 of `N + 1` frames `[B, 2, N + 1]` -> pulses and noise `[B, 2, 240 N]`, each of variance 1.

        From the middle of the first frame to that of the last. All harmonics below `HIGHEST_HZ` are equally strong, the
        topmost fades as it crosses. Also the next `turns` and `drawn`.
        """
        exact = PITCH_HZ * torch.exp2(rows[:, 0].double().clamp(-3, 3))  # single precision drifts by the sum
        gone = (exact[:, :-1] + exact[:, 1:]) * (HOP / 2 / VOICE_HZ)  # [B, N] turns
        hz = exact.float()
        ends = turns + gone.cumsum(-1)
        here, slope = hz[:, :-1, None], hz.diff()[..., None] / HOP  # [B, N, 1]
        within = (here + slope * self.ramp / 2) * self.ramp / VOICE_HZ
        turn = (ends - gone).frac().float()[..., None] + within  # [B, N, 240]
        turn = turn - turn.round()
        harmonics = HIGHEST_HZ / (here + slope * self.ramp)
        pulses = _pulses(turn, harmonics) * (2 / harmonics).sqrt()
        voiced = rows[:, 1, :-1, None] + rows[:, 1].diff()[..., None] * (self.ramp / HOP)
        swell = SWELL * voiced * torch.cos(2 * math.pi * turn)
        places = drawn + torch.arange(gone.shape[1] * HOP, device=drawn.device)
        noise = self.noise[places % NOISE_SAMPLES] * (
            (1 + swell) * (1 + (SWELL * voiced).square() / 2).rsqrt()
        ).flatten(1)
        return torch.stack([pulses.flatten(1), noise], 1), ends[:, -1:].frac(), (places[:, -1:] + 1) % NOISE_SAMPLES

    def _filtered(self, source: Tensor, bands: Tensor, frames: Tensor) -> Tensor:
        """Spectra `[B, 2 N, 257]` of `source` through the filters that `frames` and `bands` ask for."""
        mel, voiced = frames[:, :BANDS].transpose(1, 2), frames[:, VOICED_ROW, :, None]  # [B, N, 80], [B, N, 1]
        base = torch.stack([mel - UNVOICED * (1 - voiced), mel - VOICED * voiced], 1) + LEVEL  # [B, 2, N, 80]
        logs = base.repeat_interleave(2, 2) + bands[:, :2]  # [B, 2, 2 N, 80]
        gains = (logs @ self.to_bins).clamp(max=LOUDEST).exp()  # [B, 2, 2 N, 257]
        turn = logs[:, 0] @ self.to_turn + bands[:, 2] @ self.to_bins
        pieces = source[..., : bands.shape[2] * SUB + TAIL].unfold(-1, WINDOW, SUB) * self.window  # [B, 2, 2 N, 480]
        spectra = torch.fft.rfft(pieces, SIZE) * gains
        made: Tensor = spectra[:, 0] * torch.polar(torch.ones_like(turn), turn) + spectra[:, 1]
        return made

    def _overlapped(self, pieces: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """Pieces `[B, 2 N, 480]` laid over each other from `tail` on: sound `[B, 240 N]`, and the next tail."""
        quarters = (pieces * (self.window / 2)).unflatten(-1, (4, SUB))  # [B, 2 N, 4, 120]
        laid = sum(F.pad(quarters[:, :, q], (0, 0, q, 3 - q)) for q in range(4))  # [B, 2 N + 3, 120]
        assert isinstance(laid, Tensor)
        whole = laid.flatten(1)
        done = pieces.shape[1] * SUB
        whole = whole + F.pad(tail, (0, done))
        return whole[:, :done], whole[:, done:]


def _pulses(turn: Tensor, harmonics: Tensor) -> Tensor:
    """Sum of `cos(2 pi k turn)` for k from 1 to `harmonics`, whose fraction is the strength of one more.

    `turn` is within ±1/2. The sum of a geometric series: Dirichlet's kernel.
    """
    count = harmonics.floor()
    below = torch.sin(math.pi * turn)
    at_pulse = below.abs() < 1e-4
    ratio = torch.sin((2 * count + 1) * math.pi * turn) / torch.where(at_pulse, 1.0, below)
    whole = torch.where(at_pulse, count, 0.5 * ratio - 0.5)
    return whole + (harmonics - count) * torch.cos(2 * math.pi * (count + 1) * turn)


def _noise() -> Tensor:
    """White noise of variance 1 `[65536]`, always the same: 2.7 s, and then again."""
    return torch.randn(NOISE_SAMPLES, generator=torch.Generator().manual_seed(24))


def minimum_phase(to_bins: Tensor) -> Tensor:
    """From log magnitude bands to the phase of the filter with least delay: `[80, 257] -> [80, 257]`, radians.

    The phase is the Hilbert transform of the log magnitude (Oppenheim and Schafer), so it is linear in the bands.
    """
    cepstrum = torch.fft.irfft(to_bins.double(), SIZE)
    fold = torch.zeros(SIZE, dtype=torch.float64)
    fold[1 : SIZE // 2] = 2
    fold[0] = fold[SIZE // 2] = 1
    phase: Tensor = torch.fft.rfft(cepstrum * fold).imag
    return phase.float()


def load_vocoder(*, weights: Path = WEIGHTS) -> Vocoder:
    """The shipped vocoder."""
    vocoder = Vocoder()
    vocoder.net.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return vocoder.eval()

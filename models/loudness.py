"""Loudness after ITU-R BS.1770-4 and EBU Tech 3341, hop by hop: K-weighting, momentary and short-term LUFS.

The weighting is a recurrence of order four; here it runs as three small matrix products over sub-blocks of 24 samples,
exact for any input, so that a batch of sessions costs one call. Knows nothing of gain or of what the figures are for.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from models.streaming import StreamingModule, Tree

__all__ = ["FLOOR_LUFS", "HOP", "HopPower", "Loudness", "LoudnessState", "channel_weights", "finite", "lufs", "power"]

HOP = 480  # samples at 48 kHz: 10 ms
FLOOR_LUFS = -70.0  # the absolute gate of BS.1770, and what silence reads
MOMENTARY_HOPS = 40  # 400 ms
SHORT_TERM_HOPS = 300  # 3 s

_OFFSET_DB = -0.691  # BS.1770-4, equation 2: a 997 Hz sine reads its level
_BLOCK = 24  # samples: the fewest products per hop lie between 16 and 32
_ORDER = 4
_IMPULSE_SAMPLES = 8192  # the slow pole pair (radius 0.995) has fallen by 350 dB
_LOUDEST = 1e4  # +80 dBFS: nothing real is above, and squares stay finite

# BS.1770-4, tables 1 and 2, at 48 kHz: (b0, b1, b2), (a1, a2)
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585))
_HIGHPASS = ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621))
_CHANNEL_WEIGHTS = {5: (1.0, 1.0, 1.0, 1.41, 1.41), 6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)}


class _System(NamedTuple):
    """`s' = a s + b x`, `y = c s + d x`, in float64."""

    a: Tensor  # [N, N]
    b: Tensor  # [N, 1]
    c: Tensor  # [1, N]
    d: Tensor  # [1, 1]


def _biquad(section: tuple[tuple[float, float, float], tuple[float, float]]) -> _System:
    """Transposed direct form II."""
    (b0, b1, b2), (a1, a2) = section
    return _System(
        a=torch.tensor([[-a1, 1.0], [-a2, 0.0]], dtype=torch.float64),
        b=torch.tensor([[b1 - a1 * b0], [b2 - a2 * b0]], dtype=torch.float64),
        c=torch.tensor([[1.0, 0.0]], dtype=torch.float64),
        d=torch.tensor([[b0]], dtype=torch.float64),
    )


def _series(first: _System, second: _System) -> _System:
    top = torch.cat([first.a, torch.zeros(2, 2, dtype=torch.float64)], 1)
    bottom = torch.cat([second.b @ first.c, second.a], 1)
    return _System(
        a=torch.cat([top, bottom]),
        b=torch.cat([first.b, second.b @ first.d]),
        c=torch.cat([second.d @ first.c, second.c], 1),
        d=second.d @ first.d,
    )


def _balanced(system: _System) -> _System:
    """The same filter with states that are white at unit power for white sound, so that float32 keeps its accuracy.

    The direct form of two poles next to z = 1 holds huge states that cancel.
    """
    gramian, power_of_a = system.b @ system.b.T, system.a
    for _ in range(16):  # doubling: sums 2^16 terms of a^k b b' a'^k
        gramian = gramian + power_of_a @ gramian @ power_of_a.T
        power_of_a = power_of_a @ power_of_a
    basis = torch.linalg.cholesky(gramian)
    inverse = torch.linalg.inv(basis)
    return _System(a=inverse @ system.a @ basis, b=inverse @ system.b, c=system.c @ basis, d=system.d)


def _k_weighting() -> _System:
    return _balanced(_series(_biquad(_SHELF), _biquad(_HIGHPASS)))


def _powers(matrix: Tensor, count: int) -> Tensor:
    """`matrix` to the 0, 1, … `count` - 1: `[count, N, N]`."""
    result = [torch.eye(len(matrix), dtype=matrix.dtype)]
    for _ in range(count - 1):
        result.append(result[-1] @ matrix)
    return torch.stack(result)


def _impulse_response(system: _System, samples: int) -> Tensor:
    state, response = system.b, [system.d.reshape(1)]
    for _ in range(samples - 1):
        response.append((system.c @ state).reshape(1))
        state = system.a @ state
    return torch.cat(response)  # [samples]


def _within_block(system: _System) -> Tensor:
    """A sub-block's samples -> its output from rest, then the state it leaves: `[24, 24 + 4]`."""
    response = _impulse_response(system, _BLOCK)
    lag = torch.arange(_BLOCK)[None, :] - torch.arange(_BLOCK)[:, None]
    toeplitz = torch.where(lag >= 0, response[lag.clamp(min=0)], 0.0)
    left = (_powers(system.a, _BLOCK) @ system.b).flip(0).flatten(1)  # [24, 4]
    return torch.cat([toeplitz, left], 1)


def _ringing(system: _System) -> Tensor:
    """State before a sub-block -> what it adds to the output: `[4, 24]`."""
    return (system.c @ _powers(system.a, _BLOCK)).squeeze(1).T.contiguous()


def _across_blocks(system: _System, blocks: int) -> Tensor:
    """State before the hop and what each sub-block left -> state before each sub-block and after the hop."""
    step = _powers(system.a, _BLOCK + 1)[-1]
    carried = _powers(step, blocks + 1).transpose(1, 2)
    none = torch.zeros(_ORDER, _ORDER, dtype=torch.float64)
    rows = [[carried[to - since] if to >= since else none for to in range(blocks + 1)] for since in range(blocks + 1)]
    return torch.cat([torch.cat(row, 1) for row in rows])  # [4 (blocks + 1), 4 (blocks + 1)]


def finite(sound: Tensor) -> Tensor:
    """NaN to silence and infinity to +80 dBFS: one bad chunk must not live on in a recursive state."""
    return sound.clamp(-_LOUDEST, _LOUDEST).nan_to_num(0.0)


def channel_weights(channels: int) -> Tensor:
    """`[C]`: BS.1770-4 table 3, for the order L R C (LFE) Ls Rs; the LFE does not count."""
    return torch.tensor(_CHANNEL_WEIGHTS.get(channels, (1.0,) * channels))


def lufs(mean_square: Tensor) -> Tensor:
    """Weighted mean square -> LUFS, never below the floor."""
    return _OFFSET_DB + 10.0 * mean_square.clamp(min=power(FLOOR_LUFS)).log10()


def power(loudness_lufs: float) -> float:
    """LUFS -> weighted mean square."""
    return float(10.0 ** ((loudness_lufs - _OFFSET_DB) / 10.0))


class HopPower(StreamingModule):
    """K-weighted mean square of each hop, summed over the weighted channels: `[B, C, 480]` -> `[B, 1, 1]`."""

    hop = HOP
    ratio = Fraction(1, HOP)
    delay = 0
    within: Tensor
    across: Tensor
    ringing: Tensor
    response: Tensor
    weights: Tensor

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        system = _k_weighting()
        self.register_buffer("within", _within_block(system).float())
        self.register_buffer("across", _across_blocks(system, HOP // _BLOCK).float())
        self.register_buffer("ringing", _ringing(system).float())
        self.register_buffer("response", _impulse_response(system, _IMPULSE_SAMPLES), persistent=False)
        self.register_buffer("weights", channel_weights(channels) / HOP)

    def initial_state(self, slots: int) -> Tensor:
        return self.within.new_zeros(slots, len(self.weights), _ORDER)  # [B, C, 4]

    def step(self, state: Tree, chunk: Tree) -> tuple[Tensor, Tensor]:
        assert isinstance(state, Tensor)
        assert isinstance(chunk, Tensor)
        weighted, state = self._weigh(state, finite(chunk))
        return state, (weighted.square().sum(-1) @ self.weights)[:, None, None]

    def _weigh(self, state: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        local = torch.unflatten(sound, -1, (-1, _BLOCK)) @ self.within  # [B, C, 20, 28]
        left = local[..., _BLOCK:].flatten(2)  # [B, C, 80]
        before = torch.cat([state, left], -1) @ self.across  # [B, C, 84]
        ringing = torch.unflatten(before[..., :-_ORDER], -1, (-1, _ORDER)) @ self.ringing  # [B, C, 20, 24]
        return (local[..., :_BLOCK] + ringing).flatten(2), before[..., -_ORDER:]

    def forward(self, x: Tree) -> Tensor:
        """`[B, C, T]` -> `[B, 1, T / 480]`; by convolution with the impulse response, in float64."""
        assert isinstance(x, Tensor)
        size = x.shape[-1] + _IMPULSE_SAMPLES
        spectrum = torch.fft.rfft(finite(x).double(), size) * torch.fft.rfft(self.response.double(), size)
        weighted = torch.unflatten(torch.fft.irfft(spectrum, size)[..., : x.shape[-1]], -1, (-1, HOP))  # [B, C, n, 480]
        return torch.einsum("bcnt,c->bn", weighted.square(), self.weights.double())[:, None].to(x.dtype)


class LoudnessState(NamedTuple):
    weighting: Tensor  # [B, C, 4]
    recent: Tensor  # [B, 1, 300] mean square of the last hops, oldest first


class Loudness(StreamingModule):
    """Momentary (400 ms) and short-term (3 s) loudness: `[B, C, 480]` -> `[B, 2, 1]` LUFS, at least -70.

    The windows slide by 10 ms (EBU Tech 3341 asks for 100 ms or less) and are summed afresh each time: no drift.
    """

    hop = HOP
    ratio = Fraction(1, HOP)
    delay = 0

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.hop_power = HopPower(channels)

    def initial_state(self, slots: int) -> LoudnessState:
        weighting = self.hop_power.initial_state(slots)
        return LoudnessState(weighting, weighting.new_zeros(slots, 1, SHORT_TERM_HOPS))

    def step(self, state: Tree, chunk: Tree) -> tuple[LoudnessState, Tensor]:
        assert isinstance(state, LoudnessState)
        weighting, now = self.hop_power.step(state.weighting, chunk)
        recent = torch.cat([state.recent[..., 1:], now], -1)
        windows = [recent[..., -MOMENTARY_HOPS:].mean(-1, keepdim=True), recent.mean(-1, keepdim=True)]
        return LoudnessState(weighting, recent), lufs(torch.cat(windows, 1))

    def forward(self, x: Tree) -> Tensor:
        """`[B, C, T]` -> `[B, 2, T / 480]`; what came before the signal counts as silence."""
        hops = self.hop_power(x)
        windows = [F.avg_pool1d(F.pad(hops, (n - 1, 0)), n, 1) for n in (MOMENTARY_HOPS, SHORT_TERM_HOPS)]
        return lufs(torch.cat(windows, 1))

"""Level and peaks of live sound: an automatic level that follows speech, and a look-ahead true-peak limiter.

Both are streaming modules at 48 kHz with live settings that travel beside the sound, one value a hop, so that a batch
serves sessions with different wishes. Switching them on and off without a click is the stage's business.
"""

from __future__ import annotations

from fractions import Fraction
from math import log
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from models.loudness import HOP, MOMENTARY_HOPS, HopPower, finite, lufs, power
from models.streaming import StreamingModule, Tree

__all__ = ["Leveler", "LevelerState", "Limiter", "LimiterState"]

TARGET_LUFS = -18.0
CEILING_DB = -1.0

_HOPS_PER_S = 100
_NEPERS = log(10.0) / 20.0  # per dB

_ABSOLUTE_GATE_LUFS = -50.0  # what is softer is the room, not somebody speaking
_RELATIVE_GATE_DB = -10.0  # under the running level, as in BS.1770's second pass
_SURGE = 4.0  # power: a hop counts as at most 6 dB over the running level, so that a knock does not set it
_SURE_LOUDER_DB = 1.0  # over the running level by so much: counts even if it never pauses
_DIP_DB = 9.0  # speech falls so far below its 400 ms mean between syllables; noise, hum and tones do not
_DEEPEST_DIP_DB = 15.0
_DIP_FORGET_DB = 12.0 / _HOPS_PER_S  # per hop
_LEAK_DB = 1.0 / _HOPS_PER_S  # per hop: the running level comes down to a voice that stays under the gate
_MEMORY_HOPS = 1.5 * _HOPS_PER_S  # of speech, not of time; as steady as a window of 3 s
_QUICK_HOPS, _SETTLED_HOPS = 1.0 * _HOPS_PER_S, 1.5 * _HOPS_PER_S  # of speech
_RETUNED_HOPS = 0.6 * _HOPS_PER_S  # after a new target, act as if so much had been heard
_QUICK_UP_DB, _UP_DB, _DOWN_DB = 20.0 / _HOPS_PER_S, 3.0 / _HOPS_PER_S, 12.0 / _HOPS_PER_S  # per hop
_LOWEST_DB, _HIGHEST_DB = -20.0, 24.0

_BLOCK = 48  # samples: 1 ms, one gain need each
_BLOCKS = HOP // _BLOCK
_REACH = 4  # blocks ahead over which the gain comes down
_HOLD = 10  # blocks: |x| of a 50 Hz sine peaks every 10 ms, so the gain stays still on it
_RELEASE_MS = 100.0
_HALF_TAPS = 6  # of the interpolator; 12 taps a phase as in BS.1770-4 annex 2
_PHASES = 4
_KAISER_BETA = 4.0
_FORGOTTEN = 1e-9  # a need so small changes no float32 gain; forget it before it becomes denormal


def _amplitude(level_db: Tensor) -> Tensor:
    return (level_db * _NEPERS).exp()


class LevelerState(NamedTuple):
    weighting: Tensor  # [B, C, 4]
    recent: Tensor  # [B, 1, 40] mean square of the last hops
    track: Tensor  # [B, 5, 1] heard hops, running mean square, dip dB, target LUFS, gain dB


class Leveler(StreamingModule):
    """Brings speech to a loudness: `(sound [B, C, 480], target LUFS [B, 1, 1])` -> `[B, C, 480]`, no delay.

    The running level is a mean with a memory of 1.5 s *of speech*: hops count when their momentary loudness passes an
    absolute gate, a gate relative to the running level, and either dips as speech does or is plainly louder. When
    nothing counts the gain stands still, so pauses are never raised. It moves by at most 3 dB/s up and 12 dB/s down, up
    to 20 dB/s up in the first second of speech and after a new target; one gain for all channels, -20…+24 dB.
    """

    hop = HOP
    ratio = Fraction(1)
    delay = 0
    ramp: Tensor

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.hop_power = HopPower(channels)
        self.register_buffer("ramp", torch.arange(1, HOP + 1) / HOP)

    def initial_state(self, slots: int) -> LevelerState:
        weighting = self.hop_power.initial_state(slots)
        track = self.ramp.new_tensor([0.0, power(TARGET_LUFS), 0.0, TARGET_LUFS, 0.0])
        return LevelerState(
            weighting, weighting.new_zeros(slots, 1, MOMENTARY_HOPS), track[None, :, None].repeat(slots, 1, 1)
        )

    def step(self, state: Tree, chunk: Tree) -> tuple[LevelerState, Tensor]:
        assert isinstance(state, LevelerState)
        sound, target = chunk
        assert isinstance(sound, Tensor)
        weighting, now = self.hop_power.step(state.weighting, sound)
        recent = torch.cat([state.recent[..., 1:], now], -1)
        track = _follow(state.track, now, recent.mean(-1, keepdim=True), target)
        gains = _amplitude(torch.cat([state.track[:, -1:], track[:, -1:]], -1))  # [B, 1, 2]
        before, after = torch.split(gains, 1, -1)
        return LevelerState(weighting, recent, track), sound * (before + (after - before) * self.ramp)

    def forward(self, x: Tree) -> Tensor:
        """`(sound [B, C, T], target [B, 1, T / 480])` -> `[B, C, T]`."""
        sound, target = x
        assert isinstance(sound, Tensor)
        assert isinstance(target, Tensor)
        hops = self.hop_power(sound)
        momentary = F.avg_pool1d(F.pad(hops, (MOMENTARY_HOPS - 1, 0)), MOMENTARY_HOPS, 1)
        track = self.initial_state(len(sound)).track
        gains = [track[:, -1:]]
        for hop in range(hops.shape[-1]):
            track = _follow(track, hops[..., hop, None], momentary[..., hop, None], target[..., hop, None])
            gains.append(track[:, -1:])
        nodes = _amplitude(torch.cat(gains, -1))[..., None]  # [B, 1, n + 1, 1]
        gain = torch.lerp(nodes[:, :, :-1], nodes[:, :, 1:], self.ramp)  # [B, 1, n, 480]
        return sound * gain.flatten(2)


def _follow(track: Tensor, now: Tensor, momentary: Tensor, target: Tree) -> Tensor:
    """One hop of the running level and of the gain; `now` and `momentary` are mean squares `[B, 1, 1]`."""
    assert isinstance(target, Tensor)
    heard, level, dip_db, goal, gain_db = torch.split(track, 1, 1)  # [B, 1, 1] each
    heard = torch.where(target == goal, heard, heard.clamp(max=_RETUNED_HOPS))
    instant, loudness, running = torch.split(lufs(torch.cat([now, momentary, level], 1)), 1, 1)
    dip_db = torch.maximum(dip_db - _DIP_FORGET_DB, loudness - instant).clamp(max=_DEEPEST_DIP_DB)
    present, spoken, louder, near = _gates(loudness, dip_db, loudness - running)
    near = torch.maximum(near, 1.0 - heard)  # anything is, at first
    counted = present * torch.maximum(spoken, louder) * near
    heard = (heard + counted).clamp(max=_MEMORY_HOPS)
    level = level + (torch.minimum(momentary, _SURGE * level) - level) * counted / heard.clamp(min=1e-3)
    level = level * _amplitude(present * spoken * (1.0 - near) * (-2.0 * _LEAK_DB))  # a power
    gain_db = gain_db + counted * _move(target - lufs(level) - gain_db, heard)
    return torch.cat([heard, level, dip_db, target, gain_db.clamp(_LOWEST_DB, _HIGHEST_DB)], 1)


def _gates(loudness: Tensor, dip_db: Tensor, over_db: Tensor) -> tuple[Tensor, ...]:
    """Whether it is above the room, dips like speech, is plainly louder than the running level, is near that level.

    Each is 0…1 and opens over 2 dB: rounding then moves the result by rounding, never by a decision.
    """
    margins = [
        loudness - _ABSOLUTE_GATE_LUFS,
        dip_db - _DIP_DB,
        over_db - _SURE_LOUDER_DB,
        over_db - _RELATIVE_GATE_DB,
    ]
    return torch.split((0.5 * torch.cat(margins, 1) + 0.5).clamp(0.0, 1.0), 1, 1)


def _move(error_db: Tensor, heard: Tensor) -> Tensor:
    """How far the gain goes in one hop of speech."""
    fresh = ((_SETTLED_HOPS - heard) / (_SETTLED_HOPS - _QUICK_HOPS)).clamp(0.0, 1.0)
    up_db = _UP_DB + (_QUICK_UP_DB - _UP_DB) * fresh
    return torch.minimum(error_db, up_db).clamp(min=-_DOWN_DB)


class LimiterState(NamedTuple):
    past: Tensor  # [B, C, 198]
    trace: Tensor  # [B, 1, 16] decayed need of all before; 10 needs; 4 held needs; ceiling (amplitude)


class Limiter(StreamingModule):
    """Holds peaks, between the samples too: `(sound [B, C, 480], ceiling dBFS [B, 1, 1])` -> `[B, C, 480]`.

    Each block of 1 ms *needs* a gain reduction `1 - ceiling / peak`, the peak being that of 4x oversampled sound over
    all channels. Needs are held for 10 ms, decay with 100 ms, and are spread over the 4 ms before by a smooth kernel
    whose shifts sum to one: the reduction is a weighted mean of values none of which is below the block's own need.
    Samples never pass the ceiling; between them sound up to 20 kHz was seen 0.25 dB over it, white noise 0.35 dB. Below
    it sound comes out bit for bit, 198 samples (4.1 ms) late.
    """

    hop = HOP
    ratio = Fraction(1)
    delay = _REACH * _BLOCK + _HALF_TAPS
    oversample: Tensor
    decay: Tensor
    kernel: Tensor
    spread: Tensor
    earlier: Tensor

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("oversample", _oversampler())
        self.register_buffer("decay", _decay())
        self.register_buffer("kernel", _kernel())
        self.register_buffer("spread", _spread(self.kernel))
        self.register_buffer("earlier", torch.arange(HOP) < _REACH * _BLOCK)

    def initial_state(self, slots: int) -> LimiterState:
        past = self.decay.new_zeros(slots, self.channels, self.delay)
        trace = self.decay.new_zeros(slots, 1, 1 + _BLOCKS + _REACH + 1)
        trace[..., -1] = _amplitude(torch.tensor(CEILING_DB))
        return LimiterState(past, trace)

    def step(self, state: Tree, chunk: Tree) -> tuple[LimiterState, Tensor]:
        assert isinstance(state, LimiterState)
        sound, ceiling_db = chunk
        assert isinstance(sound, Tensor)
        assert isinstance(ceiling_db, Tensor)
        needed, held, ceiling_before = torch.split(state.trace, [1 + _BLOCKS, _REACH, 1], -1)
        line = torch.cat([state.past, finite(sound)], -1)  # [B, C, 678]
        ceiling = _amplitude(ceiling_db)
        need = self._need(line[..., self.delay - 2 * _HALF_TAPS + 1 :], ceiling)  # [B, 1, 10]
        lasting = (torch.cat([needed, need], -1)[..., None, :] * self.decay).amax(-1)  # [B, 1, 11]
        held = torch.cat([held, lasting[..., :-1]], -1)  # [B, 1, 14]
        bound = torch.where(self.earlier, ceiling_before, ceiling)  # [B, 1, 480]
        out = line[..., :HOP] * (1.0 - held @ self.spread)
        old = lasting[..., -1:]
        old = torch.where(old > _FORGOTTEN, old, 0.0)
        trace = torch.cat([old, need, held[..., -_REACH:], ceiling], -1)
        return LimiterState(line[..., HOP:], trace), torch.clamp(out, -bound, bound)

    def _need(self, line: Tensor, ceiling: Tensor) -> Tensor:
        """`[B, C, 11 + 480]` -> the least reduction `[B, 1, 10]` that brings each block's peak to the ceiling."""
        frames = line.unfold(-1, _BLOCK + 2 * _HALF_TAPS - 1, _BLOCK)  # [B, C, 10, 59]
        peak = (frames @ self.oversample).abs().amax((1, 3))[:, None]  # [B, 1, 10]
        return (1.0 - ceiling / peak).clamp(min=0.0)

    def forward(self, x: Tree) -> Tensor:
        """`(sound [B, C, T], ceiling [B, 1, T / 480])` -> `[B, C, T]`; silence follows the signal."""
        sound, ceiling_db = x
        assert isinstance(sound, Tensor)
        assert isinstance(ceiling_db, Tensor)
        tail = _REACH + 1  # blocks: as far as the last sample looks
        line = F.pad(finite(sound), (2 * _HALF_TAPS - 1, tail * _BLOCK))
        points = F.conv1d(line.flatten(0, 1)[:, None], _interpolator()[:, None].to(line))  # [B C, 4, T + 240]
        peak = points.abs().reshape(len(sound), -1, tail + sound.shape[-1] // _BLOCK, _BLOCK).amax((1, 3))[:, None]
        ceiling = F.pad(_amplitude(ceiling_db).repeat_interleave(_BLOCKS, -1), (0, tail), mode="replicate")
        lasting = _lasting((1.0 - ceiling / peak).clamp(min=0.0))
        reduction = F.conv_transpose1d(lasting, self.kernel[None, None], stride=_BLOCK)[..., self.delay :]
        bound = ceiling.repeat_interleave(_BLOCK, -1)[..., _HALF_TAPS:]
        until = sound.shape[-1]
        start = 2 * _HALF_TAPS - 1
        out = line[..., start : start + until] * (1.0 - reduction[..., :until])
        return torch.clamp(out, -bound[..., :until], bound[..., :until])


def _lasting(need: Tensor) -> Tensor:
    """Hold, then exponential release: `[B, 1, blocks]`, block by block."""
    held = F.max_pool1d(F.pad(need, (_HOLD, 0)), _HOLD + 1, 1)
    release, lasting = _release(), [held[..., :1]]
    for now in torch.split(held, 1, -1)[1:]:
        lasting.append(torch.maximum(now, lasting[-1] * release))
    return torch.cat(lasting, -1)


def _release() -> float:
    """What is left of a need after one more block."""
    return float(torch.exp(torch.tensor(-_BLOCK / (48.0 * _RELEASE_MS), dtype=torch.float64)))


def _interpolator() -> Tensor:
    """`[4, 12]`: the sample itself and the three points between it and the next, from the 12 samples around."""
    offset = torch.arange(_PHASES, dtype=torch.float64)[:, None] / _PHASES
    distance = torch.arange(1 - _HALF_TAPS, _HALF_TAPS + 1, dtype=torch.float64)[None] - offset  # [4, 12]
    edge = (1.0 - (distance / _HALF_TAPS).square()).clamp(min=0.0).sqrt()
    taps = torch.sinc(distance) * torch.i0(_KAISER_BETA * edge)
    taps[0] = distance[0] == 0  # sinc of a whole number is zero only nearly
    return (taps / taps.sum(1, keepdim=True)).float()


def _oversampler() -> Tensor:
    """The interpolator over one block as a matrix: `[48 + 11, 48 * 4]`."""
    taps = _interpolator()
    matrix = torch.zeros(_BLOCK + 2 * _HALF_TAPS - 1, _BLOCK, _PHASES)
    for at in range(_BLOCK):
        matrix[at : at + 2 * _HALF_TAPS, at] = taps.T
    return matrix.flatten(1)


def _decay() -> Tensor:
    """`[11, 21]`: how much of (all before, the last hop's needs, this hop's needs) lasts at each of this hop's blocks.

    Exponential release is linear in the logarithm, so its running maximum over a hop is one product and one maximum.
    The last row is what the next hop will find as "all before".
    """
    release = _release()
    age = torch.arange(_BLOCKS)[:, None] - torch.arange(-_BLOCKS, _BLOCKS)[None]  # [10, 20]
    lasting = release ** (age - _HOLD).clamp(min=0) * (age >= 0)
    before = release ** torch.arange(1, _BLOCKS + 1)[:, None]
    rows = torch.cat([before, lasting], 1)
    rows = torch.cat([rows, rows[-1:]])
    rows[-1, 1 + _BLOCKS :] = 0.0
    return rows.float()


def _kernel() -> Tensor:
    """`[240]`: a raised cosine through a box of one block, so that its shifts by a block sum to one."""
    bell = torch.hann_window(_REACH * _BLOCK + 3, periodic=False, dtype=torch.float64)[1:-1]
    box = torch.ones(1, 1, _BLOCK, dtype=torch.float64)
    return (F.conv1d(bell[None, None], box, padding=_BLOCK - 1) / bell.sum()).flatten().float()


def _spread(kernel: Tensor) -> Tensor:
    """The kernel as a matrix from held needs to the reduction of each sample: `[4 + 10, 480]`."""
    matrix = torch.zeros(_REACH + _BLOCKS, HOP + 2 * _REACH * _BLOCK)
    for row in range(_REACH + _BLOCKS):
        matrix[row, row * _BLOCK : row * _BLOCK + len(kernel)] = kernel
    return matrix[:, _REACH * _BLOCK :][:, :HOP].contiguous()

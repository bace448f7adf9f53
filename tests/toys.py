"""Small honest streaming modules, for the tests of what runs such modules."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from models.streaming import StreamingModule, Tree

__all__ = ["Average", "Conv", "Fir", "Gru", "Pair", "Pairs", "signal"]

HOP = 16


def signal(generator: torch.Generator, rows: int, steps: int) -> Tensor:
    """Mono noise, `[B, 1, T]`."""
    return torch.randn(rows, 1, steps, generator=generator)


class Toy(StreamingModule):
    hop = HOP
    ratio = Fraction(1)
    delay = 0


class Average(Toy):
    """An exponential moving average, one coefficient per channel."""

    def __init__(self, decay: float = 0.9) -> None:
        super().__init__()
        self.decay = decay

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        outs = []
        for x in chunk.unbind(-1):
            state = self.decay * state + (1 - self.decay) * x
            outs.append(state)
        return state, torch.stack(outs, -1)

    def forward(self, x: Any) -> Tree:
        weights = (1 - self.decay) * self.decay ** torch.arange(x.shape[-1] - 1, -1, -1.0)
        return torch.conv1d(pad(x, (x.shape[-1] - 1, 0)), weights.view(1, 1, -1))


class Conv(Toy):
    """Two causal convolutions, each with its own past."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(1, width, 5), nn.Conv1d(width, 1, 3)
        self.eval().requires_grad_(False)

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1, 4), torch.zeros(slots, self.first.out_channels, 2)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        x = torch.cat([state[0], chunk], -1)
        y = torch.cat([state[1], torch.tanh(self.first(x))], -1)
        return (x[..., -4:], y[..., -2:]), self.second(y)

    def forward(self, x: Any) -> Tree:
        y: Tensor = self.second(pad(torch.tanh(self.first(pad(x, (4, 0)))), (2, 0)))
        return y


class Fir(Toy):
    """A symmetric filter with lookahead: the stream lags by half its length."""

    delay = 20
    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", torch.hamming_window(2 * self.delay + 1, periodic=False)[None, None])

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1, 2 * self.delay)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        x = torch.cat([state, chunk], -1)
        return x[..., -2 * self.delay :], torch.conv1d(x, self.taps)

    def forward(self, x: Any) -> Tree:
        return torch.conv1d(pad(x, (self.delay, self.delay)), self.taps)


class Gru(Toy):
    """A recurrent cell over whole chunks; half as many steps out as in."""

    ratio = Fraction(1, 2)

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.cell, self.out = nn.GRUCell(HOP, width), nn.Linear(width, HOP // 2)
        self.eval().requires_grad_(False)

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, self.cell.hidden_size)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        state = self.cell(chunk.flatten(1), state)
        return state, self.out(state).unsqueeze(1)

    def forward(self, x: Any) -> Tree:
        state: Tree = self.initial_state(x.shape[0])
        outs: list[Any] = []
        for chunk in x.unflatten(-1, (-1, self.hop)).unbind(-2):
            state, out = self.step(state, chunk)
            outs.append(out)
        return torch.cat(outs, -1)


class Pair(NamedTuple):
    """Two signals of one length."""

    left: Any
    right: Any


class Pairs(Toy):
    """Mixes the left signal, a hop late, into the right one: a tree in, a tree out, integer state beside the sound."""

    delay = HOP

    def initial_state(self, slots: int) -> Tree:
        return Pair(Pair(torch.zeros(slots, 1, HOP), torch.zeros(slots, 1, HOP)), torch.zeros(slots, dtype=torch.int64))

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        (past, count), fresh = state, Pair(*chunk)
        left, right = past
        return Pair(fresh, count + 1), Pair(left, left + right)

    def forward(self, x: Any) -> Tree:
        left, right = x
        return Pair(left, left + right)

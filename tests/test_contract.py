"""The contract test is only worth what it rejects: every promise broken once, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from models.streaming import StreamingModule, Tree
from tests.contract import ContractBroken, verify_contract
from tests.host_sync import HostSync
from tests.toys import HOP, Average, Conv, Fir, Gru, Pair, Pairs, signal


@pytest.mark.parametrize("module", [Average(), Conv(), Fir(), Gru()], ids=lambda module: type(module).__name__)
def test_honest_modules_pass(module: StreamingModule) -> None:
    verify_contract(module, example=signal)


def test_trees_pass() -> None:
    verify_contract(Pairs(), example=lambda g, rows, steps: Pair(signal(g, rows, steps), signal(g, rows, steps)))


class HiddenState(Average):
    """Remembers the last chunk on itself."""

    def __init__(self) -> None:
        super().__init__()
        self.last: list[Tensor] = []

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        self.last = [*self.last[-1:], chunk]
        return super().step(state, chunk)


class HiddenBuffer(Average):
    """Counts its steps in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        self.count.add_(1)  # type: ignore[operator]
        return super().step(state, chunk)


class WritesInput(Average):
    """Scales its chunk in place."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        state, out = super().step(state, chunk)
        chunk.mul_(0.5)
        return state, out


class SharedOffset(Average):
    """A ring whose write position is that of slot 0 for everybody: fine until slots step at different times."""

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 4, HOP), torch.zeros(slots, dtype=torch.int64)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        ring, at = state
        oldest = ring.index_select(1, at[:1])
        ring = ring.index_copy(1, at[:1], chunk)
        return (ring, (at + 1) % 4), chunk + oldest

    def forward(self, x: Any) -> Tree:
        return torch.add(x, pad(x, (4 * HOP, 0))[..., : x.shape[-1]])


class SharedCounter(Average):
    """One counter for all slots, without a slot dimension."""

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1), torch.zeros((), dtype=torch.int64)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        average, count = state
        average, out = super().step(average, chunk)
        return (average, count + 1), out


class Item(Average):
    """Branches on a value."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        return super().step(state, chunk) if loudness(chunk) >= 0 else (state, chunk)


def loudness(chunk: Tensor) -> float:
    """Out of sight of whoever reads `step`."""
    return chunk.abs().nan_to_num().max().item()


class Cpu(Average):
    """Goes over the host."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        return super().step(state, home(chunk))


def home(chunk: Tensor) -> Tensor:
    return chunk.cpu()


class Written(Average):
    """A read in a branch that no test takes: only visible in the source."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        if chunk.shape[-1] > 100 * HOP:
            chunk = chunk.cpu()
        return super().step(state, chunk)


class Homeless(Average):
    """Makes a tensor on the default device."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        return super().step(state, chunk + zeros_like_nothing())


def zeros_like_nothing() -> Tensor:
    return torch.zeros(HOP)


class ValueShaped(Average):
    """Lets a shape follow values."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        state, out = super().step(state, chunk)
        return state, out + 0 * quiet(chunk)


def quiet(chunk: Tensor) -> Tensor:
    return torch.nonzero(torch.ones_like(chunk)).sum()


class ShortRing(Fir):
    """Keeps one sample too few."""

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1, 2 * self.delay - 1)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        past, out = super().step(pad(state, (1, 0)), chunk)
        return past[..., 1:], out


class RowLeak(Average):
    """Normalises over the batch."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        return super().step(state, chunk - 0.01 * chunk.mean(0, keepdim=True))

    def forward(self, x: Any) -> Tree:
        return super().forward(x - 0.01 * x.mean(0, keepdim=True))


class Growing(Average):
    """Keeps all it ever heard."""

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1), torch.zeros(slots, 1, 0)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        average, past = state
        average, out = super().step(average, chunk)
        return (average, torch.cat([past, chunk], -1)), out


class WrongDelay(Fir):
    """Says it is prompter than it is."""

    delay = 20

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1, 2 * self.delay + 1)

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        x = torch.cat([state, chunk], -1)
        return x[..., -2 * self.delay - 1 :], torch.conv1d(x[..., :-1], self.taps)


class WarmStart(Average):
    """Slots that begin differently."""

    def initial_state(self, slots: int) -> Tree:
        return torch.arange(slots).float()[:, None]


class Strided(Average):
    """Hands out state that is not contiguous."""

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 2, 3).transpose(1, 2)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (HiddenState, "attribute or buffer"),
        (HiddenBuffer, "attribute or buffer"),
        (WritesInput, "wrote to its inputs"),
        (SharedOffset, "in company"),
        (SharedCounter, "not the slot"),
        (Item, "item"),
        (Cpu, "cpu"),
        (Written, "cpu"),
        (Homeless, "without a device"),
        (ValueShaped, "nonzero"),
        (ShortRing, "stream equals offline"),
        (RowLeak, "alone"),
        (Growing, "keeps its shapes"),
        (WrongDelay, "stream equals offline"),
        (WarmStart, "fresh slots differ"),
        (Strided, "not contiguous"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_seeded_fault_is_found(module: Callable[[], StreamingModule], says: str) -> None:
    with pytest.raises((ContractBroken, HostSync), match=says):
        verify_contract(module(), example=signal)


def test_a_compiled_step_that_errs_is_found() -> None:
    module = Conv()

    def wrong(state: Any, chunk: Any) -> tuple[Any, Any]:
        state, out = module.step(state, chunk)
        return state, out + 1e-3

    verify_contract(module, example=signal, compiled_step=module.step)
    with pytest.raises(ContractBroken, match="stream equals offline"):
        verify_contract(module, example=signal, compiled_step=wrong)

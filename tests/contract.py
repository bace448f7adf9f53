"""`verify_contract`: the seven promises of a streaming module, each a function here, run on every model.

A model's tests call it once, and again with `compiled_step` for what a compiler made of it. Every check draws its own
signal from `example`, so that a failure names one promise and comes again with the same seed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from models.streaming import StreamingModule, Tree, commit, reset, tree_leaves, tree_map
from tests.host_sync import lint_step, trace_step

__all__ = ["ContractBroken", "Example", "Step", "verify_contract"]

Step: TypeAlias = Callable[[Tree, Tree], tuple[Tree, Tree]]
Example: TypeAlias = Callable[[torch.Generator, int, int], Tree]
"""`example(generator, rows, steps)`: a signal for `forward`, `[B, C, T]` or a tree of such, time last in every leaf."""


class ContractBroken(AssertionError):
    """A promise of `StreamingModule` does not hold; the text says which, where and by how much."""


@dataclass(frozen=True)
class _Case:
    """What every check needs."""

    module: StreamingModule
    step: Step
    example: Example
    rows: int
    hops: int
    tolerance: float
    seed: int

    def signal(self, rows: int, hops: int) -> Tree:
        return self.example(torch.Generator().manual_seed(self.seed), rows, hops * self.module.hop)

    def chunks(self, rows: int, hops: int) -> list[Tree]:
        return _split(self.signal(rows, hops), hops)

    def near(self, promise: str, got: Tree, want: Tree) -> None:
        """Equal within `tolerance` of the largest value wanted."""
        for index, (one, other) in enumerate(zip(tree_leaves(got), tree_leaves(want), strict=True)):
            _require(one.shape == other.shape, promise, f"leaf {index} is {list(one.shape)}, not {list(other.shape)}")
            scale = max(float(other.abs().max()), 1e-3) if other.numel() else 1.0
            worst = float((one.double() - other.double()).abs().max()) / scale if one.numel() else 0.0
            # Written so that a NaN fails it.
            _require(worst <= self.tolerance, promise, f"leaf {index} is off by {worst:.2g} of its largest value")


def verify_contract(
    module: StreamingModule,
    *,
    example: Example,
    rows: int = 3,
    hops: int = 8,
    tolerance: float = 1e-5,
    compiled_step: Step | None = None,
    seed: int = 0,
) -> None:
    """Check `module` (in eval mode) against the streaming contract.

    Args:
        example: makes signals; see `Example`.
        rows: slots in the batched checks, at least 2.
        hops: chunks in a stream; more are taken where the delay asks for it.
        tolerance: largest error, relative to the largest value.
        compiled_step: what a compiler made of `module.step`: takes its place where equality is checked.

    Raises:
        ContractBroken, HostSync: a promise does not hold.
    """
    delay_hops = math.ceil(module.delay / (module.hop * module.ratio))
    case = _Case(module, compiled_step or module.step, example, max(rows, 2), hops + delay_hops, tolerance, seed)
    with torch.no_grad():
        _layout_is_kept(case)
        _step_is_pure(case)
        _stream_equals_offline(case)
        _rows_are_independent(case)
        _idle_slots_are_untouched(case)
        _one_slot_resets(case)
        if compiled_step is None:
            lint_step(module)
            trace_step(module, module.initial_state(case.rows), case.chunks(case.rows, 1)[0])


def _stream_equals_offline(case: _Case) -> None:
    """(a) Any cutting of the signal into streams of hops gives `forward`, late by the delay."""
    module = case.module
    for hops in (case.hops, case.hops - 3):
        stream = _join(_run(case.step, module.initial_state(case.rows), case.chunks(case.rows, hops)))
        truth = module(case.signal(case.rows, hops))
        _require(
            tree_leaves(stream)[0].shape[-1] == hops * module.hop * module.ratio,
            "stream equals offline",
            "hop and ratio do not tell how much comes out of a step",
        )
        late = tree_map(lambda leaf: leaf[..., module.delay :], stream)
        case.near("stream equals offline", late, tree_map(lambda y: y[..., : y.shape[-1] - module.delay], truth))


def _idle_slots_are_untouched(case: _Case) -> None:
    """(b) Slots that step now and then, with NaN in idle rows, give what each gives alone; idle state keeps still."""
    slots, hops = case.rows + 1, case.hops  # the last slot never steps
    streams = [[_row(chunk, row) for chunk in case.chunks(slots, hops)] for row in range(slots)]
    alone = [_run(case.step, case.module.initial_state(1), stream) for stream in streams]
    state, taken = case.module.initial_state(slots), [0] * slots
    _poison(tree_map(lambda leaf: leaf[-1:], state))
    for active in _schedule(slots, hops, seed=case.seed):
        chunk = _stacked(
            [streams[slot][taken[slot]] if active[slot] else _noise(streams[slot][0]) for slot in range(slots)]
        )
        before = tree_map(torch.clone, state)
        new, out = case.step(state, chunk)
        out = tree_map(torch.clone, out)  # it may be a view of the state that commit is about to write
        commit(state, new, torch.tensor(active))
        for slot in range(slots):
            if active[slot]:
                case.near(f"slot {slot} alone equals slot {slot} in company", _row(out, slot), alone[slot][taken[slot]])
                taken[slot] += 1
            else:
                _require(_bits(_row(state, slot)) == _bits(_row(before, slot)), "idle slots", f"slot {slot} changed")


def _one_slot_resets(case: _Case) -> None:
    """(c) A reset slot starts again from silence; the others do not notice."""
    chunks = case.chunks(case.rows, case.hops)
    whole = _run(case.step, case.module.initial_state(case.rows), chunks)
    state, half = case.module.initial_state(case.rows), case.hops // 2
    for chunk in chunks[:half]:
        _advance(case.step, state, chunk)
    before = tree_map(torch.clone, state)
    reset(state, case.module.initial_state(1), 0)
    for row in range(1, case.rows):
        _require(_bits(_row(state, row)) == _bits(_row(before, row)), "one slot resets", f"slot {row} changed")
    for index in range(case.hops - half):
        fresh, later = _row(chunks[index], 0), tree_map(lambda leaf: leaf[1:], chunks[half + index])
        out = _advance(case.step, state, _stacked([fresh, later]))
        case.near("a reset slot starts again", _row(out, 0), _row(whole[index], 0))
        case.near("a reset leaves others", *(tree_map(lambda leaf: leaf[1:], y) for y in (out, whole[half + index])))


def _layout_is_kept(case: _Case) -> None:
    """(d) State is contiguous, slots first and equal; a step keeps its structure, `commit` its very memory."""
    state, single = case.module.initial_state(case.rows), case.module.initial_state(1)
    for index, (leaf, one) in enumerate(zip(tree_leaves(state), tree_leaves(single), strict=True)):
        where = f"state leaf {index}"
        _require(leaf.dim() > 0 and leaf.shape[0] == case.rows, where, f"dim 0 of {list(leaf.shape)} is not the slot")
        _require(leaf.is_contiguous(), where, "is not contiguous")
        _require(bool((leaf == one).all()), where, "fresh slots differ")
    before = _layout(state)
    for chunk in case.chunks(case.rows, 3):
        new, _ = case.step(state, chunk)
        _require(_structure(new) == _structure(state), "state keeps its shapes", f"{_structure(new)}")
        commit(state, new, torch.ones(case.rows, dtype=torch.bool))
    _require(_layout(state) == before, "commit keeps the state's memory", "an address, shape, dtype or stride changed")


def _step_is_pure(case: _Case) -> None:
    """(e) Inputs are only read, nothing is remembered outside the state, and the same inputs give the same bits."""
    first, second = case.chunks(case.rows, 2)
    state = _settled(case)
    inputs, module = _bits((state, first)), _memory(case.module)
    once = _bits(case.step(state, first))
    _require(_bits((state, first)) == inputs, "step is pure", "it wrote to its inputs")
    case.step(state, second)
    _require(_bits(case.step(state, first)) == once, "step is pure", "the same inputs gave another result")
    _require(_memory(case.module) == module, "step is pure", "it changed an attribute or buffer of the module")


def _rows_are_independent(case: _Case) -> None:
    """(g) A batch is its rows, in any order, and what one row hears no other does."""
    chunks, order = case.chunks(case.rows, 4), torch.arange(case.rows).flip(0)
    batch = _run(case.step, case.module.initial_state(case.rows), chunks)
    turned = [tree_map(lambda leaf: leaf[order], chunk) for chunk in chunks]
    for out, other in zip(batch, _run(case.step, case.module.initial_state(case.rows), turned), strict=True):
        case.near("rows in another order", tree_map(lambda leaf: leaf[order], other), out)
    for row in range(case.rows):
        single = _run(case.step, case.module.initial_state(1), [_row(chunk, row) for chunk in chunks])
        for out, alone in zip(batch, single, strict=True):
            case.near(f"row {row} of a batch equals it alone", _row(out, row), alone)
    loud = [_stacked([_noise(_row(chunk, 0)), tree_map(lambda leaf: leaf[1:], chunk)]) for chunk in chunks]
    for out, other in zip(batch, _run(case.step, case.module.initial_state(case.rows), loud), strict=True):
        case.near("no row leaks into another", *(tree_map(lambda leaf: leaf[1:], y) for y in (other, out)))


def _require(holds: bool, promise: str, but: str) -> None:
    if not holds:
        raise ContractBroken(f"{promise}: {but}")


def _settled(case: _Case) -> Tree:
    """A state some way into a stream, where nothing is zero by chance."""
    state = case.module.initial_state(case.rows)
    for chunk in case.chunks(case.rows, 3):
        _advance(case.step, state, chunk)
    return state


def _advance(step: Step, state: Tree, chunk: Tree) -> Tree:
    """Step every row and commit it."""
    new, out = step(state, chunk)
    out = tree_map(torch.clone, out)
    commit(state, new, torch.ones(tree_leaves(chunk)[0].shape[0], dtype=torch.bool))
    return out


def _run(step: Step, state: Tree, chunks: Sequence[Tree]) -> list[Tree]:
    return [_advance(step, state, chunk) for chunk in chunks]


def _split(signal: Tree, hops: int) -> list[Tree]:
    return [tree_map(lambda leaf, i=hop: leaf.chunk(hops, -1)[i].contiguous(), signal) for hop in range(hops)]


def _join(outs: Sequence[Tree]) -> Tree:
    return tree_map(lambda *parts: torch.cat(parts, -1), outs[0], *outs[1:])


def _stacked(parts: Sequence[Tree]) -> Tree:
    return tree_map(lambda *leaves: torch.cat(leaves), parts[0], *parts[1:])


def _row(tree: Tree, row: int) -> Tree:
    return tree_map(lambda leaf: leaf[row : row + 1], tree)


def _noise(tree: Tree) -> Tree:
    """NaN where a dtype has it: what an idle row may hold."""
    return tree_map(lambda leaf: torch.full_like(leaf, math.nan) if leaf.is_floating_point() else leaf, tree)


def _poison(tree: Tree) -> None:
    for leaf, bad in zip(tree_leaves(tree), tree_leaves(_noise(tree)), strict=True):
        leaf.copy_(bad)


def _schedule(slots: int, hops: int, *, seed: int) -> Iterable[list[bool]]:
    """Who steps when: each of all but the last slot `hops` times, at random."""
    generator, left = torch.Generator().manual_seed(seed), [hops] * (slots - 1)
    while any(left):
        active = [
            bool(n and draw < 0.5) for n, draw in zip(left, torch.rand(slots - 1, generator=generator), strict=True)
        ]
        left = [n - on for n, on in zip(left, active, strict=True)]
        yield [*active, False]


def _bits(value: Any) -> Any:
    """A comparable image of `value`: the bytes of tensors, the elements of containers, else what it prints."""
    if isinstance(value, Tensor):
        return value.detach().contiguous().numpy().tobytes()
    if isinstance(value, tuple | list | deque | set):
        return [_bits(item) for item in value]
    if isinstance(value, dict):
        return {key: _bits(item) for key, item in value.items()}
    return repr(value)


def _memory(module: StreamingModule) -> dict[str, Any]:
    skipped = ("_modules", "training")
    return {
        f"{name}.{key}": _bits(value)
        for name, part in module.named_modules()
        for key, value in vars(part).items()
        if key not in skipped
    }


def _structure(tree: Tree) -> Any:
    if isinstance(tree, Tensor):
        return (tuple(tree.shape), tree.dtype)
    return (type(tree).__name__, *(_structure(branch) for branch in tree))


def _layout(tree: Tree) -> list[tuple[object, ...]]:
    return [(leaf.data_ptr(), tuple(leaf.shape), leaf.dtype, leaf.stride()) for leaf in tree_leaves(tree)]

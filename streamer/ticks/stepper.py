"""How a group of rows is stepped: the seam behind which eager, compiled and captured steps look alike.

A stepper owns nothing: it reads and writes the engine's state tensors, which keep their addresses for life.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.streaming import StreamingModule, Tree, put, take, tree_map

__all__ = [
    "Array",
    "Arrays",
    "EagerStepper",
    "Leaves",
    "Stepper",
    "arrays",
    "best_width",
    "is_finite",
    "leaves",
    "row_of",
    "stack",
    "widths",
]

Array: TypeAlias = NDArray[Any]
Leaves: TypeAlias = list[Array]
Arrays: TypeAlias = "Array | tuple[Arrays, ...]"
"""A chunk or a result at the door: an array, or a (named) tuple of them."""


class Stepper(Protocol):
    """Steps `slots` (distinct) with one row of `chunk` each, commits their state, and returns their outputs."""

    label: str

    def __call__(self, slots: Sequence[int], chunk: Tree) -> Tree: ...


class EagerStepper:
    """Gather the rows, step them, put them back. Idle slots are never read, so nothing in them can leak or cost.

    Atomic: state is written only after the whole step succeeded.
    """

    label = "eager"

    def __init__(self, module: StreamingModule, state: Tree) -> None:
        self._module = module
        self._state = state

    def __call__(self, slots: Sequence[int], chunk: Tree) -> Tree:
        rows = torch.tensor(slots)
        state, out = self._module.step(take(self._state, rows), chunk)
        put(self._state, rows, state)
        return out


def leaves(tree: Arrays) -> list[Array]:
    """The arrays of a tree, in order."""
    if isinstance(tree, tuple):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def stack(rows: Sequence[Sequence[Array]], example: Tree) -> Tree:
    """One batch, shaped like `example`, from the leaves of several rows: copies, so that nobody's array is kept."""
    columns = (torch.from_numpy(_stacked(column)) for column in zip(*rows, strict=True))
    return tree_map(lambda _: next(columns), example)


def _stacked(column: tuple[Array, ...]) -> Array:
    return np.array(column[0][None]) if len(column) == 1 else np.stack(column)


def arrays(tree: Tree) -> Arrays:
    """The tensors of a tree as arrays; no copy."""
    if isinstance(tree, Tensor):
        return tree.numpy()
    return _like(tree, [arrays(branch) for branch in tree])


def row_of(batch: Arrays, index: int) -> Arrays:
    """One row of a batch: views."""
    if isinstance(batch, tuple):
        return _like(batch, [row_of(branch, index) for branch in batch])
    return cast(Array, batch[index])


def _like(tree: tuple[Any, ...], branches: list[Arrays]) -> Arrays:
    """`branches` as a tuple of the same type: named tuples keep their names."""
    return type(tree)(*branches) if hasattr(tree, "_fields") else tuple(branches)


def is_finite(tree: Arrays) -> bool:
    """Whether no floating leaf holds a NaN or an infinity."""
    return all(bool(np.isfinite(leaf).all()) for leaf in leaves(tree) if leaf.dtype.kind == "f")


def best_width(stepper: Stepper, example: Tree, *, slots: int) -> int:
    """The power of two (or `slots`) of rows at which one row costs least.

    Batching wins where the weights' traffic or the call overhead dominate, and loses once a group falls out of cache.
    """
    cost = {width: _row_seconds(stepper, _repeat(example, width), width) for width in widths(slots)}
    return min(cost, key=lambda width: cost[width])


def widths(slots: int) -> list[int]:
    """The powers of two below `slots`, then `slots`."""
    return [1 << bit for bit in range(slots.bit_length()) if 1 << bit < slots] + [slots]


def _repeat(example: Tree, rows: int) -> Tree:
    return tree_map(lambda leaf: leaf.expand(rows, *leaf.shape[1:]).contiguous(), example)


def _row_seconds(stepper: Stepper, chunk: Tree, width: int, *, repeats: int = 5) -> float:
    """Seconds per row: the fastest of a few runs, after one that warms up caches and allocators."""
    with torch.inference_mode():
        stepper(range(width), chunk)
        return min(_timed(lambda: stepper(range(width), chunk)) for _ in range(repeats)) / width


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin

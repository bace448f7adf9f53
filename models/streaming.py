"""The streaming contract: a model is a pure step over explicit state.

Every network that Limelight runs live is a `StreamingModule`. Nothing here knows about sessions, threads or
devices; `streamer/engine.py` owns the state tensors and decides which slots step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import torch
from torch import Tensor, nn

__all__ = ["StreamingModule", "Tree", "commit", "put", "reset", "take", "tree_leaves", "tree_map"]

Tree: TypeAlias = "Tensor | tuple[Tree, ...]"
"""A tensor, or a (named) tuple of trees. Dim 0 of every leaf is the slot."""


class StreamingModule(nn.Module, ABC):
    """A network with an offline truth (`forward`) and a streaming step that equals it.

    Attributes:
        hop: input steps per chunk (the last dim of the first leaf of `chunk`).
        ratio: output steps per input step.
        delay: output steps by which the concatenated step outputs lag `forward`:
            `stream[..., n] == forward(x)[..., n - delay]` for every `n >= delay`.
    """

    hop: int
    ratio: Fraction
    delay: int

    @abstractmethod
    def initial_state(self, slots: int) -> Tree:
        """Fresh contiguous state for `slots` slots, on the module's device; equal for every slot."""

    @abstractmethod
    def step(self, state: Tree, chunk: Tree) -> tuple[Tree, Tree]:
        """Advance every row by one chunk.

        Pure: reads `state`, returns the next state (same structure, shapes and dtypes) and the output. No
        `.item()`, no device copies, no shape or branch that depends on a tensor's value.
        """

    def advance(self, state: Tree, chunk: Tree, active: Tensor) -> Tree:
        """Step every row and `commit` those where `active` `[B]` is true; returns the output, rows of others unsaid.

        A module whose kernels write state where it lies has one of its own, which moves less.
        """
        new, out = self.step(state, chunk)
        out = tree_map(torch.clone, out)  # it may be a view of the state that commit is about to write
        commit(state, new, active)
        return out

    @abstractmethod
    def forward(self, x: Tree) -> Tree:
        """The whole signal at once, `[B, C, T]` with `T` a multiple of `hop`; output time-aligned with the input."""


def tree_leaves(tree: Tree) -> list[Tensor]:
    """The tensors of a tree, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    return [leaf for branch in tree for leaf in tree_leaves(branch)]


def tree_map(function: Callable[..., Tensor], tree: Tree, *others: Tree) -> Tree:
    """Apply `function` leaf by leaf; named tuples keep their type."""
    if isinstance(tree, Tensor):
        return function(tree, *others)
    mapped = [tree_map(function, *branches) for branches in zip(tree, *others, strict=True)]
    return type(tree)(*mapped) if hasattr(tree, "_fields") else tuple(mapped)


def _rows(active: Tensor, leaf: Tensor) -> Tensor:
    return active.view(-1, *(1,) * (leaf.dim() - 1))


def commit(state: Tree, new: Tree, active: Tensor) -> None:
    """Write `new` into `state` in place for the rows where `active` `[B]` is true; other rows keep their bits.

    Copies into the existing contiguous buffers, so addresses and strides never change (a compiled step
    misreads state that is not contiguous).
    """
    for old, fresh in zip(tree_leaves(state), tree_leaves(new), strict=True):
        old.copy_(torch.where(_rows(active, old), fresh, old))


def reset(state: Tree, initial: Tree, slot: int) -> None:
    """Put one slot back to `initial` (a tree with a single row), in place."""
    for old, fresh in zip(tree_leaves(state), tree_leaves(initial), strict=True):
        old[slot].copy_(fresh[0])


def take(state: Tree, rows: Tensor) -> Tree:
    """Gather `rows` `[K]` of every leaf into new contiguous tensors."""
    return tree_map(lambda leaf: leaf.index_select(0, rows), state)


def put(state: Tree, rows: Tensor, new: Tree) -> None:
    """Scatter a gathered, stepped state back, in place: the partner of `take`."""
    for old, fresh in zip(tree_leaves(state), tree_leaves(new), strict=True):
        old.index_copy_(0, rows, fresh)

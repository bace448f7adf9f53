"""The tick as one compiled call: gather the rows, step them, put their state back, all inside one shared object.

One call a tick matters as much as the fused loops in it: every eager operator takes the interpreter's lock again,
and on a busy server each of those may wait. What a compiler gives back is believed only after `disagreement` is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from models.streaming import StreamingModule, Tree, take, tree_leaves, tree_map
from streamer.ticks.stepper import EagerStepper, Stepper

__all__ = ["CompiledStepper", "Run", "Tick", "disagreement", "load"]

Run: TypeAlias = Callable[[list[Tensor]], list[Tensor]]
"""A compiled `Tick`: flat tensors in, flat tensors out; it writes to the state among its inputs."""


class Tick(nn.Module):
    """`(rows [K], chunk leaves [K, ...], state leaves [S, ...]) -> output leaves [K, ...]`; state is written in place.

    Flat, because that is what a compiled object takes. The copy back into the state's own buffers is also what keeps
    state contiguous: compiled code misreads other strides without a word, and a batch of one hides it.
    """

    def __init__(self, module: StreamingModule, chunk: Tree, state: Tree) -> None:
        super().__init__()
        self._module, self._chunk, self._state = module, chunk, state

    def forward(self, rows: Tensor, *flat: Tensor) -> list[Tensor]:
        leaves = iter(flat)
        chunk = tree_map(lambda _: next(leaves), self._chunk)
        state = tree_map(lambda _: next(leaves), self._state)
        new, out = self._module.step(take(state, rows), chunk)
        for old, fresh in zip(tree_leaves(state), tree_leaves(new), strict=True):
            old.index_copy_(0, rows, fresh)
        return [leaf.clone() for leaf in tree_leaves(out)]


class CompiledStepper:
    """Calls a compiled `Tick` on the engine's state. `like` is an output tree, for its structure."""

    label = "compiled"

    def __init__(self, run: Run, like: Tree, state: Tree) -> None:
        self._run, self._like = run, like
        self._state = tree_leaves(state)

    def __call__(self, slots: Sequence[int], chunk: Tree) -> Tree:
        flat = [torch.tensor(slots), *(leaf.contiguous() for leaf in tree_leaves(chunk)), *self._state]
        out = iter(self._run(flat))
        return tree_map(lambda _: next(out), self._like)


def load(path: Path, module: StreamingModule, example: Tree) -> Callable[[StreamingModule, Tree], Stepper]:
    """What makes steppers of the package at `path`, for an engine to swap in.

    Raises:
        RuntimeError: the package cannot be loaded.
    """
    # The loader itself, not `aoti_load_package`: that one compiles probes of the CPU first, seconds to minutes on a
    # busy machine and impossible without a compiler. The package's name already tells the CPU it is for.
    loader = torch._C._aoti.AOTIModelPackageLoader(str(path), "model", True, 1, -1)
    with torch.inference_mode():
        _, like = module.step(module.initial_state(1), example)
    return lambda _, state: CompiledStepper(loader.run, like, state)


def disagreement(
    make: Callable[[StreamingModule, Tree], Stepper],
    module: StreamingModule,
    example: Tree,
    *,
    slots: int = 5,
    steps: int = 12,
    tolerance: float = 1e-4,
) -> str | None:
    """How the stepper differs from the eager one, or None: random rows, one to all of them, state carried along."""
    generator = torch.Generator().manual_seed(0)
    ours, truth = module.initial_state(slots), module.initial_state(slots)
    made, eager = make(module, ours), EagerStepper(module, truth)
    with torch.inference_mode():
        for step in range(steps):
            rows = torch.randperm(slots, generator=generator)[: 1 + step % slots].tolist()
            chunk = _noise(example, len(rows), generator)
            for what, got, want in (("output", made(rows, chunk), eager(rows, chunk)), ("state", ours, truth)):
                if (error := _worst(got, want)) is None or not error <= tolerance:
                    return f"the compiled {what} differs from the eager one by {error} with {len(rows)} rows"
    return None


def _noise(example: Tree, rows: int, generator: torch.Generator) -> Tree:
    def leaf(one: Tensor) -> Tensor:
        many = one.expand(rows, *one.shape[1:])
        return 0.1 * torch.randn(many.shape, generator=generator) if many.is_floating_point() else many.contiguous()

    return tree_map(leaf, example)


def _worst(got: Tree, want: Tree) -> float | None:
    """The largest difference as a share of the largest value wanted; None where shapes or dtypes differ."""
    pairs = list(zip(tree_leaves(got), tree_leaves(want), strict=True))
    if any(one.shape != other.shape or one.dtype != other.dtype for one, other in pairs):
        return None
    return max((_apart(one, other) for one, other in pairs if one.numel()), default=0.0)


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max() / other.double().abs().max().clamp(min=1e-3))

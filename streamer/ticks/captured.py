"""The tick on a GPU: step and commit captured as a CUDA graph over fixed buffers, for a few slot counts.

The whole front of the slots steps, and a mask says which rows count: leases take the lowest free slots, so the front
is as short as it can be. Chunks come and results go through pinned memory on one stream, and the host waits once a
tick, for the result; a device thread has a stream to itself, so that one engine's copies overlap another thread's
work. What is captured is a plain function, and the same code runs uncaptured where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from models.streaming import StreamingModule, Tree, tree_leaves, tree_map
from streamer.ticks.stepper import Stepper, widths

__all__ = ["MaskedStepper", "Recorder", "captured", "graph_stepper", "uncaptured"]

Recorder: TypeAlias = Callable[[Callable[[], Tree]], tuple[Callable[[], object], Tree]]
"""Turns a function over fixed buffers into `(replay, out)`: each replay runs it anew and refreshes `out`."""


def graph_stepper(example: Tree) -> Callable[[StreamingModule, Tree], Stepper]:
    """The `stepper` for an engine whose module is on a GPU; capturing takes about a second a slot count."""

    def made(module: StreamingModule, state: Tree) -> Stepper:
        with torch.cuda.device(tree_leaves(state)[0].device):
            stepper = MaskedStepper(module, state, example=example, record=captured)
            torch.cuda.synchronize()  # another thread's stream goes on from here
        return stepper

    return made


def captured(work: Callable[[], Tree]) -> tuple[Callable[[], object], Tree]:
    """Record `work` as a CUDA graph. It runs a few times first, so that libraries choose and allocate outside."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Another engine may use the device meanwhile: only this thread's calls must be capturable.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        out = work()
    return graph.replay, out


def uncaptured(work: Callable[[], Tree]) -> tuple[Callable[[], object], Tree]:
    """The same without a graph: for a CPU, and to tell a fault of the capture from one of the model."""
    out = work()
    return lambda: _copy(out, work()), out


class MaskedStepper:
    """Steps the shortest recorded front of the slots that holds the wanted ones; commits only those.

    `counts`: the fronts to record, ascending up to all slots; powers of two if not given.
    """

    label = "graph"

    def __init__(
        self,
        module: StreamingModule,
        state: Tree,
        *,
        example: Tree,
        record: Recorder,
        counts: Sequence[int] | None = None,
    ) -> None:
        first = tree_leaves(state)[0]
        self._module, self._state, self._place = module, state, first.device
        slots = first.shape[0]
        self._chunk = tree_map(lambda leaf: leaf.new_zeros(slots, *leaf.shape[1:], device=self._place), example)
        self._active = torch.zeros(slots, dtype=torch.bool, device=self._place)
        self._chunk_here, self._active_here = tree_map(_pinned, self._chunk), _pinned(self._active)
        with torch.no_grad():
            self._fronts = {count: record(partial(self._tick, count)) for count in counts or widths(slots)}
        self._out_here = {count: tree_map(_pinned, out) for count, (_, out) in self._fronts.items()}

    def __call__(self, slots: Sequence[int], chunk: Tree) -> Tree:
        count = next(count for count in self._fronts if count >= max(slots) + 1)
        rows = torch.tensor(slots)
        for staged, fresh in zip(tree_leaves(self._chunk_here), tree_leaves(chunk), strict=True):
            staged.index_copy_(0, rows, fresh)
        _copy(self._active_here, torch.zeros_like(self._active_here).index_fill_(0, rows, True))
        self.tick(count)
        return tree_map(lambda leaf: leaf.index_select(0, rows), self._out_here[count])

    def replay(self, count: int) -> None:
        """The recorded work of one front alone, on what lies on the device; queued, not waited for."""
        self._fronts[count][0]()

    def tick(self, count: int) -> None:
        """One front from what is staged on the host to its results there; waits for them."""
        _copy(_front(self._chunk, count), _front(self._chunk_here, count))
        _copy(self._active, self._active_here)
        self.replay(count)
        _copy(self._out_here[count], self._fronts[count][1])
        if self._place.type == "cuda":
            torch.cuda.current_stream().synchronize()

    def _tick(self, count: int) -> Tree:
        """What is recorded. Recording it changes no state, because no row is active then."""
        return self._module.advance(_front(self._state, count), _front(self._chunk, count), self._active[:count])


def _pinned(leaf: Tensor) -> Tensor:
    """A place on the host like `leaf`, page-locked where a GPU is to copy it without the host's help."""
    return torch.zeros(leaf.shape, dtype=leaf.dtype, pin_memory=leaf.is_cuda)


def _front(tree: Tree, count: int) -> Tree:
    return tree_map(lambda leaf: leaf[:count], tree)


def _copy(into: Tree, fresh: Tree) -> None:
    for old, new in zip(tree_leaves(into), tree_leaves(fresh), strict=True):
        old.copy_(new, non_blocking=True)

"""`verify_export`: the tick of a module can be exported for any number of rows, and what comes of it does the same."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.export import Dim

from models.streaming import StreamingModule, Tree, tree_leaves
from streamer.ticks.compiled import Tick

__all__ = ["verify_export"]


def verify_export(module: StreamingModule, chunk_of: Callable[[int], Tree]) -> None:
    """Export with two rows of three slots, run with four of five; `chunk_of(rows)` makes chunks."""
    rows, chunk, state = torch.tensor([0, 1]), chunk_of(2), module.initial_state(3)
    width, count = Dim("rows", min=1, max=64), Dim("slots", min=1, max=64)
    shapes = ({0: width},) * len(tree_leaves(chunk)) + ({0: count},) * len(tree_leaves(state))
    with torch.no_grad():
        program = torch.export.export(
            Tick(module, chunk, state),
            (rows, *tree_leaves(chunk), *tree_leaves(state)),
            dynamic_shapes={"rows": {0: width}, "flat": shapes},
        )
        rows, chunk = torch.tensor([4, 0, 3, 1]), chunk_of(4)
        states = module.initial_state(5), module.initial_state(5)
        ticks = program.module(), Tick(module, chunk, states[1])
        for _ in range(3):
            got, want = (
                tick(rows, *tree_leaves(chunk), *tree_leaves(state)) for tick, state in zip(ticks, states, strict=True)
            )
            torch.testing.assert_close((got, tree_leaves(states[0])), (want, tree_leaves(states[1])))

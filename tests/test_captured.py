"""The masked tick: on a CPU uncaptured, on a GPU as a CUDA graph."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from models.streaming import StreamingModule, tree_leaves, tree_map
from streamer.captured import MaskedStepper, captured, graph_stepper, uncaptured
from streamer.compiled import disagreement
from streamer.device import Device
from streamer.engine import Engine
from tests.test_engine import offline, run, sound
from tests.toys import HOP, Average, Conv, Fir, Gru, Pair, Pairs

EXAMPLE = torch.zeros(1, 1, HOP)
TOYS = [Average, Conv, Fir, Gru]
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.mark.parametrize("toy", TOYS)
def test_masked_steps_equal_eager_ones(toy: Callable[[], StreamingModule]) -> None:
    assert disagreement(partial(MaskedStepper, example=EXAMPLE, record=uncaptured), toy(), EXAMPLE) is None


def test_an_output_that_is_a_view_of_the_state_is_safe() -> None:
    pair = Pair(EXAMPLE, EXAMPLE)
    assert disagreement(partial(MaskedStepper, example=pair, record=uncaptured), Pairs(), pair) is None


def test_idle_rows_keep_their_bits() -> None:
    module = Conv()
    state = module.initial_state(5)
    for leaf in tree_leaves(state):
        leaf.normal_()
    before = tree_map(torch.clone, state)
    MaskedStepper(module, state, example=EXAMPLE, record=uncaptured)([1, 3], torch.randn(2, 1, HOP))
    for old, new in zip(tree_leaves(before), tree_leaves(state), strict=True):
        assert [bool((a == b).all()) for a, b in zip(old, new, strict=True)] == [True, False, True, False, True]


@pytest.mark.gpu
@cuda
@pytest.mark.parametrize("toy", TOYS)
def test_captured_steps_equal_uncaptured_ones(toy: Callable[[], StreamingModule]) -> None:
    module = toy().cuda()
    steppers = [
        MaskedStepper(module, tree_map(torch.Tensor.cuda, module.initial_state(5)), example=EXAMPLE, record=record)
        for record in (captured, uncaptured)
    ]
    for slots in ([0], [2, 0], [4, 1, 3], [0, 1, 2, 3, 4]) * 3:
        chunk = torch.randn(len(slots), 1, HOP)
        graph, plain = (tree_leaves(stepper(slots, chunk))[0] for stepper in steppers)
        torch.testing.assert_close(graph, plain, rtol=1e-4, atol=1e-4)


class OnCuda(Conv):
    """`Conv` with its state where its weights are."""

    def initial_state(self, slots: int) -> tuple[torch.Tensor, ...]:
        return tuple(leaf.to(self.first.weight.device) for leaf in tree_leaves(super().initial_state(slots)))


@pytest.mark.gpu
@cuda
async def test_a_session_on_a_gpu_equals_the_offline_truth() -> None:
    device, module = Device("cuda"), OnCuda()
    x, truth = sound(HOP * 20), copy.deepcopy(module)
    engine = Engine("toy", module.cuda(), slots=3, example=EXAMPLE, device=device, stepper=graph_stepper(EXAMPLE))
    with engine.lease() as lease, engine.lease() as other:
        streams = await asyncio.gather(run(lease, x), run(other, x))
    for stream in streams:
        np.testing.assert_allclose(stream, offline(truth, x), rtol=1e-2, atol=1e-2)  # TF32
    assert engine.snapshot().stepper == "graph"
    device.close()

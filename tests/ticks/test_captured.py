"""The masked tick: on a CPU uncaptured, on a GPU as a CUDA graph."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.dynamics import Leveler, Limiter
from models.enhance import load_enhancer
from models.enhance_fused import FusedEnhancer
from models.streaming import StreamingModule, Tree, tree_leaves, tree_map
from models.stt.network import Recogniser
from models.stt.ringed import RingedRecogniser
from models.vad import load_vad
from models.vocoder import Vocoder
from streamer.engine import Engine, Lease
from streamer.ticks.captured import MaskedStepper, captured, uncaptured
from streamer.ticks.compiled import disagreement
from streamer.ticks.device import Device
from tests.test_engine import offline, sound
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


SOUND, BESIDE = torch.zeros(1, 2, 480), (torch.zeros(1, 2, 480), torch.zeros(1, 1, 1))
MADE: list[tuple[Callable[[], StreamingModule], Tree]] = [
    (lambda: FusedEnhancer(load_enhancer(channels=2)), SOUND),
    (lambda: Leveler(channels=2), BESIDE),
    (lambda: Limiter(channels=2), BESIDE),
    (load_vad, SOUND[:, :1]),
    (lambda: RingedRecogniser(Recogniser()).eval(), torch.zeros(1, 1, 7680)),
    (lambda: Vocoder().eval(), torch.zeros(1, 82, 2)),
]
as_on_a_gpu = pytest.mark.parametrize(
    ("make", "example"), MADE, ids=["enhance", "level", "limiter", "vad", "captions", "voice"]
)


@as_on_a_gpu
def test_what_a_gpu_steps_gives_the_same_masked(make: Callable[[], StreamingModule], example: Tree) -> None:
    """Each shipped model in the form that a GPU gets, five slots of which some are idle."""
    made = partial(MaskedStepper, example=example, record=uncaptured)
    assert disagreement(made, make(), example, steps=5) is None


@as_on_a_gpu
def test_all_that_a_model_makes_is_where_the_model_is(
    make: Callable[[], StreamingModule], example: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device without memory or values: a tensor made elsewhere, or a look at a value, would raise."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it does not know that device
    module = make().to("meta")
    state = module.initial_state(2)
    assert {leaf.device.type for leaf in tree_leaves(state)} == {"meta"}
    chunk = tree_map(lambda leaf: leaf.expand(2, *leaf.shape[1:]).to("meta"), example)
    with torch.no_grad():
        out = module.advance(state, chunk, torch.ones(2, dtype=torch.bool, device="meta"))
    assert {leaf.device.type for leaf in tree_leaves(out)} == {"meta"}


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


@pytest.mark.gpu
@cuda
async def test_sessions_on_a_gpu_equal_the_offline_truth() -> None:
    """As the server makes an engine: it says only the place."""
    device, module = Device("cuda:0"), load_enhancer()
    x, truth, example = sound(480 * 20), copy.deepcopy(module), torch.zeros(1, 1, 480)
    engine = Engine("enhance", FusedEnhancer(module), slots=3, example=example, device=device)
    with engine.lease() as lease, engine.lease() as other:
        streams = await asyncio.gather(*(_stream(one, x) for one in (lease, other)))
    for stream in streams:
        np.testing.assert_allclose(stream, offline(truth, x), rtol=1e-2, atol=1e-2)  # TF32
    assert engine.snapshot().stepper == "graph"
    device.close()


async def _stream(lease: Lease, x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([np.array(await lease.step(hop)) for hop in np.split(x, x.shape[1] // 480, 1)], -1)

"""The recogniser with its past in rings: the streaming contract, and in place what the plain one gives, masked."""

from functools import partial

import pytest
import torch

from models.stt.network import Recogniser, RecogniserConfig
from models.stt.ringed import RingedRecogniser
from streamer.ticks.captured import MaskedStepper, uncaptured
from streamer.ticks.stepper import EagerStepper
from tests.contract import verify_contract

SMALL = RecogniserConfig(bands=16, width=32, heads=2, blocks=2, past=7, reach=4)


@pytest.fixture
def network() -> Recogniser:
    torch.manual_seed(3)
    made = Recogniser(SMALL).eval().requires_grad_(False)
    made.mean.normal_()
    made.prior.normal_()
    return made


def noise(generator: torch.Generator, rows: int, steps: int) -> torch.Tensor:
    return 0.1 * torch.randn(rows, 1, steps, generator=generator)


def test_the_contract_holds(network: Recogniser) -> None:
    verify_contract(RingedRecogniser(network), example=noise, tolerance=1e-4)


@pytest.mark.parametrize(("products", "apart"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
@torch.inference_mode()
def test_masked_in_place_it_equals_the_plain_one(network: Recogniser, products: torch.dtype, apart: float) -> None:
    """Nine steps of three slots, some of them idle, and NaN in what idle ones are given."""
    ringed, draw = RingedRecogniser(network, products=products), torch.Generator().manual_seed(0)
    example = torch.zeros(1, 1, network.hop)
    make = partial(MaskedStepper, example=example, record=uncaptured)
    ours, plain = make(ringed, ringed.initial_state(3)), EagerStepper(network, network.initial_state(3))
    for slots in [[0], [0, 2], [2], [0, 1, 2], [1, 2], [0], [0, 1], [1], [0, 1, 2]]:
        chunk = noise(draw, len(slots), network.hop)
        got, want = (stepper(slots, chunk) for stepper in (ours, plain))
        assert isinstance(got, torch.Tensor) and isinstance(want, torch.Tensor)
        torch.testing.assert_close(got, want, atol=apart, rtol=0)

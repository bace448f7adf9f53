"""The recogniser's network: the streaming contract, its look-ahead, and what it hears at the edges."""

import pytest
import torch

from models.stt.network import Recogniser, RecogniserConfig
from models.stt.phones import PHONES
from tests.contract import verify_contract

SMALL = RecogniserConfig(bands=16, width=16, heads=2, blocks=2, past=12, reach=4)


@pytest.fixture
def network() -> Recogniser:
    torch.manual_seed(3)
    made = Recogniser(SMALL).eval()
    with torch.no_grad():
        made.mean.normal_()
        made.prior.normal_()
    return made


def noise(generator: torch.Generator, rows: int, steps: int) -> torch.Tensor:
    return 0.1 * torch.randn(rows, 1, steps, generator=generator)


def test_the_contract_holds(network: Recogniser) -> None:
    verify_contract(network, example=noise, tolerance=1e-4)


def test_a_column_hears_as_far_ahead_as_declared_and_no_further(network: Recogniser) -> None:
    sound = noise(torch.Generator().manual_seed(1), 1, 8 * network.hop)
    changed = sound.clone()
    at = 5 * network.hop
    changed[..., at:] = 0
    with torch.no_grad():
        apart = (network(sound) - network(changed)).abs().amax((0, 1))
    first = int(torch.nonzero(apart > 1e-5)[0])
    column = at * network.ratio
    assert column - network.delay - 2 < first < column


def test_posteriors_are_divided_by_the_prior(network: Recogniser) -> None:
    with torch.no_grad():
        scaled = network(noise(torch.Generator().manual_seed(2), 1, 2 * network.hop))
    total = (scaled + network.prior[:, None]).exp().sum(1)
    assert scaled.shape == (1, len(PHONES), 16)
    assert total == pytest.approx(1.0, abs=1e-5)


def test_it_has_at_most_five_million_parameters() -> None:
    assert sum(p.numel() for p in Recogniser().parameters()) < 5_000_000

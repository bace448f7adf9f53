"""The recogniser's recipe: its gradient, its disturbances and its distance."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.recipes.bands import Shelf
from models.recipes.disturb import Disturber
from models.recipes.shelves import supply
from models.recipes.stt import distance, prior_ctc


def test_the_gradient_of_prior_ctc_is_that_of_its_value() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 12, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    prior = 0.5 * torch.randn(5, dtype=torch.float64, generator=generator)
    columns = torch.tensor([12, 9, 10])
    labels = torch.tensor([[1, 2, 3], [1, 1, 2], [4, 2, 0]]), columns, torch.tensor([3, 3, 2])
    there = torch.arange(12) < columns[:, None]

    def loss(x: torch.Tensor) -> torch.Tensor:
        return prior_ctc(F.log_softmax(x, -1), prior, labels, there)

    assert torch.autograd.gradcheck(loss, x, eps=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("made", "wanted", "errors"), [([], [1, 2], 2), ([1, 2, 3], [1, 3], 1), ([1, 2], [2, 1], 2), ([5], [5], 0)]
)
def test_distance_is_levenshteins(made: list[int], wanted: list[int], errors: int) -> None:
    assert distance(made, wanted) == errors


def shelf(lengths: list[int]) -> Shelf:
    starts = np.cumsum([0, *lengths]).tolist()
    frames = np.random.default_rng(1).normal(-5, 2, (starts[-1], 64)).astype(np.float16)
    return Shelf("so", starts, [[1, 2, 3]] * len(lengths), frames)


def test_batches_are_whole_frames_with_their_phones() -> None:
    frames, lengths, phones, counts = next(supply({"so": [shelf([120, 333, 250])]}, seed=1))
    assert frames.shape[1] % 4 == 0
    assert frames.shape[1] >= int(lengths.max())
    assert phones.shape == (len(frames), int(counts.max()))
    assert set(counts.tolist()) <= {3 * k for k in range(1, 20)}


def test_disturbed_energies_stay_finite_and_are_never_twice_the_same() -> None:
    torch.manual_seed(0)
    disturb = Disturber(shelf([4000]))
    frames = torch.full((4, 400, 64), math.log(1e-6))  # digital silence is the hardest
    one, two = (disturb(frames, torch.zeros(64)) for _ in range(2))
    assert torch.isfinite(one).all()
    assert not torch.equal(one, two)

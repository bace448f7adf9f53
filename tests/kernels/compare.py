"""Both sides of a kernel's test: where it runs, outputs that start as NaN, and how far apart two results may be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

__all__ = ["DEVICE", "near", "poisoned", "randoms"]

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cudnn.allow_tf32 = False  # references are to be exact
# A bf16 has 8 bits, a half 11; one unit of rounding on either side. Float32 products are split in three on a GPU.
ROUNDING = {torch.float32: 2e-5, torch.float16: 2**-10, torch.bfloat16: 2**-7}


def randoms(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def near(got: Tensor, want: Tensor) -> None:
    """Equal within the rounding of their dtype, by the largest value."""
    assert got.dtype == want.dtype and got.shape == want.shape
    apart = float((got.double() - want.double()).abs().max())
    assert apart <= ROUNDING[want.dtype] * max(1.0, float(want.double().abs().max())), f"off by {apart:.3g}"


@contextmanager
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that is allocated uninitialised is full of NaN (or 0xAB): what a kernel does not write shows."""

    def filled(made: Tensor) -> Tensor:
        return made.fill_(float("nan") if made.is_floating_point() else 0xAB)

    empty, like, new = torch.empty, torch.empty_like, Tensor.new_empty
    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty", lambda *size, **options: filled(empty(*size, **options)))
        patch.setattr(torch, "empty_like", lambda tensor, **options: filled(like(tensor, **options)))
        patch.setattr(Tensor, "new_empty", lambda self, *size, **options: filled(new(self, *size, **options)))
        yield

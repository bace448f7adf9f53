"""The background's blur: the reference's values, odd sizes, every dtype; the person's colours stay out of it."""

from __future__ import annotations

import pytest
import torch

from kernels.blur import blur, blur_reference, blur_triton
from tests.kernels.compare import DEVICE, near, poisoned, randoms


@pytest.mark.parametrize(
    ("size", "sigma", "dtype"),
    [((5, 9), 0.8, torch.float32), ((5, 9), 0.4, torch.float16), ((11, 35), 0.4, torch.bfloat16)],
)
def test_equals_the_reference(
    size: tuple[int, int], sigma: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = randoms()
    picture = torch.rand(2, 3, *size, generator=draw).to(DEVICE, dtype)
    alpha = torch.rand(2, *size, generator=draw).to(DEVICE, dtype)
    with poisoned(monkeypatch):
        got = blur_triton(picture, alpha, sigma)
    near(got, blur_reference(picture, alpha, sigma))


def test_no_glow_around_a_person() -> None:
    """A white person on a black ground: the blurred ground stays black right up to the outline."""
    alpha = torch.zeros(1, 16, 16, device=DEVICE)
    alpha[:, 4:12, 4:12] = 1
    made = blur(alpha[:, None].expand(1, 3, 16, 16).contiguous(), alpha, 1.5)
    assert made[:, :, alpha[0] == 0].max() < 0.01

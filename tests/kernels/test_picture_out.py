"""Compositing and back to planes: odd sizes, small mattes and backgrounds, every dtype; a round trip keeps colours."""

from __future__ import annotations

import pytest
import torch

from kernels.picture_in import Planes, colours, picture_in
from kernels.picture_out import codes, picture_out, picture_out_reference, picture_out_triton
from tests.kernels.compare import DEVICE, poisoned, randoms


@pytest.mark.parametrize(
    ("size", "matte", "back", "dtype"),
    [
        ((7, 11), (3, 4), (5, 9), torch.float32),
        ((4, 140), (4, 140), (4, 4), torch.float16),
        ((9, 12), (1, 1), (9, 12), torch.bfloat16),
    ],
)
def test_equals_the_reference(
    size: tuple[int, int],
    matte: tuple[int, int],
    back: tuple[int, int],
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = randoms()
    front, alpha, behind = (
        torch.rand(shape, generator=draw).to(DEVICE, dtype) for shape in ((2, 3, *size), (2, *matte), (2, 3, *back))
    )
    code = codes(bt709=[True, False], full_range=[False, True], device=DEVICE)
    with poisoned(monkeypatch):
        got = picture_out_triton(front, alpha, behind, code)
    for plane, want in zip(got, picture_out_reference(front, alpha, behind, code), strict=True):
        assert plane.shape == want.shape
        # Sums in another order may fall on the other side of a half.
        apart = (plane.int() - want.int()).abs()
        assert apart.max() <= 1
        assert apart.float().mean() < 0.01


@pytest.mark.parametrize("bt709", [False, True])
@pytest.mark.parametrize("full_range", [False, True])
def test_out_and_in_again_keeps_a_plain_colour(bt709: bool, full_range: bool) -> None:
    rgb = torch.tensor([0.8, 0.3, 0.2], device=DEVICE)[None, :, None, None].expand(1, 3, 6, 6).contiguous()
    alpha = torch.ones(1, 6, 6, device=DEVICE)
    made = picture_out(rgb, alpha, torch.zeros_like(rgb), codes(bt709=[bt709], full_range=[full_range], device=DEVICE))
    read = colours(bt709=[bt709], full_range=[full_range], device=DEVICE)
    plain = torch.tensor([[0.0] * 3, [1.0] * 3], device=DEVICE)
    again = picture_in(Planes(*made), read, (6, 6), plain, torch.float32)
    torch.testing.assert_close(again, rgb, atol=0.01, rtol=0)

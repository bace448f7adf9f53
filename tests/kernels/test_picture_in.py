"""Planes to RGB: formats, odd sizes, both ways of resizing, every dtype; and that the colours are the standard's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kernels.picture_in import Planes, colours, picture_in, picture_in_reference, picture_in_triton
from tests.kernels.compare import DEVICE, near, poisoned, randoms

PLAIN = torch.tensor([[0.0] * 3, [1.0] * 3], device=DEVICE)


def planes(height: int, width: int, *, nv12: bool = False, rows: int = 2) -> Planes:
    def made(*size: int) -> Tensor:
        return torch.randint(0, 256, size, dtype=torch.uint8, generator=randoms(height * width)).to(DEVICE)

    chroma = (rows, (height + 1) // 2, (width + 1) // 2)
    if nv12:
        both = made(*chroma, 2)
        return Planes(made(rows, height, width), both[..., 0], both[..., 1])
    return Planes(made(rows, height, width), made(*chroma), made(*chroma))


@pytest.mark.parametrize(
    ("given", "made", "nv12", "dtype"),
    [
        ((7, 11), (5, 9), False, torch.float32),
        ((10, 12), (13, 21), True, torch.float16),
        ((5, 70), (5, 70), False, torch.bfloat16),
        ((13, 10), (3, 4), True, torch.float32),
    ],
)
def test_equals_the_reference(
    given: tuple[int, int], made: tuple[int, int], nv12: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = planes(*given, nv12=nv12)
    read = colours(bt709=[True, False], full_range=[False, True], device=DEVICE)
    norm = torch.tensor([[0.4, 0.5, 0.6], [0.2, 0.3, 0.25]], device=DEVICE)
    with poisoned(monkeypatch):
        got = picture_in_triton(x, read, made, norm, dtype)
    near(got, picture_in_reference(x, read, made, norm, dtype))


@pytest.mark.parametrize(
    ("bt709", "full_range", "yuv", "rgb"),
    [  # as the standards tabulate them
        (False, False, (81, 90, 240), (1, 0, 0)),
        (False, False, (235, 128, 128), (1, 1, 1)),
        (True, False, (63, 102, 240), (1, 0, 0)),
        (True, False, (173, 42, 26), (0, 1, 0)),
        (False, True, (29, 255, 107), (0, 0, 1)),
        (False, True, (0, 128, 128), (0, 0, 0)),
    ],
)
def test_known_colours(bt709: bool, full_range: bool, yuv: tuple[int, ...], rgb: tuple[float, ...]) -> None:
    sizes = ((1, 4, 4), (1, 2, 2), (1, 2, 2))
    x = Planes(*(torch.full(size, value, dtype=torch.uint8) for size, value in zip(sizes, yuv, strict=True)))
    read = colours(bt709=[bt709], full_range=[full_range])
    got = picture_in(Planes(*(p.to(DEVICE) for p in x)), read.to(DEVICE), (4, 4), PLAIN, torch.float32)
    torch.testing.assert_close(got[0, :, 1, 1].cpu(), torch.tensor(rgb, dtype=torch.float32), atol=0.012, rtol=0)

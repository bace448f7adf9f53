"""Convolution over rings: wrap-around, rings longer than needed, padding rows, odd widths, every dtype."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kernels.ring_conv import ring_conv, ring_conv_reference, ring_conv_triton
from tests.kernels.compare import DEVICE, near, poisoned, randoms


@pytest.mark.parametrize(
    ("size", "reach", "frames", "width", "dtype"),
    [
        (7, 3, 4, 24, torch.float32),
        (8, 4, 3, 17, torch.float32),
        (7, 3, 2, 17, torch.float16),
        (3, 2, 1, 16, torch.bfloat16),
    ],
)
def test_equals_the_reference_step_by_step(
    size: int, reach: int, frames: int, width: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = randoms()
    ring = torch.randn(5, size, width, generator=draw).to(DEVICE, dtype)
    head = torch.randint(0, size, (5,), dtype=torch.int32, generator=draw).to(DEVICE)
    taps, norm = torch.randn(reach + 1, width, generator=draw), torch.randn(2, width, generator=draw)
    taps, norm, other, turned = taps.to(DEVICE), norm.to(DEVICE), ring.clone(), head.clone()
    idle = ring[3].clone()
    for rows in ([4, -1, 0], [0, 4, 2], [-1, 0, 4]):
        slots = torch.tensor(rows, dtype=torch.int32, device=DEVICE)
        x = torch.randn(3, frames, width, generator=draw).to(DEVICE, dtype)
        x[slots < 0] = float("nan")
        with poisoned(monkeypatch):
            got = ring_conv_triton(x, slots, ring, head, taps, norm)
        near(got, ring_conv_reference(x, slots, other, turned, taps, norm))
        assert (got[slots < 0] == 0).all()
        assert torch.equal(ring, other)
        assert torch.equal(head, turned)
    assert torch.equal(ring[3], idle)


def test_a_stream_equals_the_whole() -> None:
    """Thirty frames in chunks of three through a ring of seven equal one causal convolution."""
    draw = randoms()
    x, taps = torch.randn(1, 30, 8, generator=draw), torch.randn(4, 8, generator=draw)
    norm = torch.randn(2, 8, generator=draw)
    z = F.conv1d(F.pad(x, (0, 0, 3, 0)).transpose(1, 2), taps.T[:, None], groups=8).transpose(1, 2)
    whole = F.silu(F.layer_norm(z, (8,), norm[0], norm[1]))
    ring, head = torch.zeros(2, 7, 8, device=DEVICE), torch.zeros(2, dtype=torch.int32, device=DEVICE)
    rows = torch.tensor([1], dtype=torch.int32, device=DEVICE)
    made = [ring_conv(part.to(DEVICE), rows, ring, head, taps.to(DEVICE), norm.to(DEVICE)) for part in x.split(3, 1)]
    near(torch.cat(made, 1).cpu(), whole)


def test_a_ring_too_short_for_its_chunk_is_refused() -> None:
    ring, head = torch.zeros(1, 4, 8), torch.zeros(1, dtype=torch.int32)
    with pytest.raises(AssertionError, match="overwrite"):
        ring_conv_triton(torch.zeros(1, 2, 8), head, ring, head, torch.zeros(4, 8), torch.zeros(2, 8))

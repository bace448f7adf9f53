"""Convolution over rings: wrap-around, rings longer than needed, idle slots, odd widths, every dtype."""

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
        (9, 4, 3, 17, torch.float32),
        (7, 3, 2, 17, torch.float16),
        (3, 2, 1, 16, torch.bfloat16),
    ],
)
def test_equals_the_reference_step_by_step(
    size: int, reach: int, frames: int, width: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = randoms()
    rings = torch.randn(4, 2, size, width, generator=draw).to(DEVICE, dtype)  # one more slot than steps, of two blocks
    taps, norm = torch.randn(reach + 1, width, generator=draw), torch.randn(2, width, generator=draw)
    taps, norm, others = taps.to(DEVICE), norm.to(DEVICE), rings.clone()
    untouched, ring, other = rings.clone(), rings[:3, 1], others[:3, 1]
    at = torch.tensor([0, size - 1, 5 * size + 2], dtype=torch.int32, device=DEVICE)
    for idle in (1, 0):
        active = torch.arange(3, device=DEVICE) != idle
        x = torch.randn(3, frames, width, generator=draw).to(DEVICE, dtype)
        x[~active] = float("nan")
        before = ring[idle].clone()
        with poisoned(monkeypatch):
            got = ring_conv_triton(x, active, ring, at, taps, norm)
        near(got, ring_conv_reference(x, active, other, at, taps, norm))
        assert (got[idle] == 0).all()
        assert torch.equal(ring, other)
        assert torch.equal(ring[idle], before)
        at += frames * active
    assert torch.equal(rings[:, 0], untouched[:, 0])
    assert torch.equal(rings[3], untouched[3])


def test_a_stream_equals_the_whole() -> None:
    """Thirty frames in chunks of three through a ring of seven equal one causal convolution."""
    draw = randoms()
    x, taps = torch.randn(1, 30, 8, generator=draw), torch.randn(4, 8, generator=draw)
    norm = torch.randn(2, 8, generator=draw)
    z = F.conv1d(F.pad(x, (0, 0, 3, 0)).transpose(1, 2), taps.T[:, None], groups=8).transpose(1, 2)
    whole = F.silu(F.layer_norm(z, (8,), norm[0], norm[1]))
    ring, active = torch.zeros(1, 7, 8, device=DEVICE), torch.ones(1, dtype=torch.bool, device=DEVICE)
    made = [
        ring_conv(
            part.to(DEVICE),
            active,
            ring,
            torch.tensor([3 * n], dtype=torch.int32, device=DEVICE),
            taps.to(DEVICE),
            norm.to(DEVICE),
        )
        for n, part in enumerate(x.split(3, 1))
    ]
    near(torch.cat(made, 1).cpu(), whole)


def test_a_ring_too_short_for_its_chunk_is_refused() -> None:
    ring, at = torch.zeros(1, 4, 8), torch.zeros(1, dtype=torch.int32)
    with pytest.raises(AssertionError, match="overwrite"):
        ring_conv_triton(torch.zeros(1, 2, 8), at == 0, ring, at, torch.zeros(4, 8), torch.zeros(2, 8))

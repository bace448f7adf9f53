"""Attention over rings: wrap-around, rings longer than needed, idle slots, slots that just began, every dtype."""

from __future__ import annotations

import pytest
import torch

from kernels.ring_attention import ring_attention, ring_attention_reference, ring_attention_triton
from tests.kernels.compare import DEVICE, near, poisoned, randoms

PAST, BORN = 5, 2
SLOPES = torch.tensor([0.5, 0.125], device=DEVICE)


@pytest.mark.parametrize(
    ("size", "frames", "dtype", "kept"),
    [
        (9, 4, torch.float32, torch.float32),
        (11, 3, torch.float32, torch.bfloat16),
        (7, 2, torch.float16, torch.float16),
        (6, 1, torch.bfloat16, torch.bfloat16),
    ],
)
def test_equals_the_reference_step_by_step(
    size: int, frames: int, dtype: torch.dtype, kept: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = randoms()
    rings = torch.randn(5, 2, size, 64, generator=draw).to(DEVICE, kept)  # one more slot than steps, of two blocks
    untouched, others = rings.clone(), rings.clone()
    ring, other = rings[:4, 1], others[:4, 1]
    at = torch.tensor([0, 3, size - 1, 7 * size + 2], dtype=torch.int32, device=DEVICE)
    for idle in (1, 3):
        active = torch.arange(4, device=DEVICE) != idle
        mixed = torch.randn(4, frames, 96, generator=draw).to(DEVICE, dtype)
        mixed[~active], before = float("nan"), ring[idle].clone()
        with poisoned(monkeypatch):
            got = ring_attention_triton(mixed, active, ring, at, SLOPES, past=PAST, born=BORN)
        want = ring_attention_reference(mixed.float(), active, other, at, SLOPES, past=PAST, born=BORN)
        near(got, want.to(dtype))
        assert (got[idle] == 0).all()
        near(ring, other)  # the interpreter cuts a bfloat16 off where a card rounds it
        other.copy_(ring)
        assert torch.equal(ring[idle], before)
        at += frames * active
    assert torch.equal(rings[:, 0], untouched[:, 0])
    assert torch.equal(rings[4], untouched[4])


@pytest.mark.parametrize("form", [ring_attention_reference, ring_attention_triton])
def test_frames_before_the_slot_was_born_are_not_heard(form: object) -> None:
    """What an earlier session left in the ring is neither heard nor multiplied by nought."""
    draw = randoms()
    mixed, at = torch.randn(1, 3, 96, generator=draw).to(DEVICE), torch.tensor([BORN], dtype=torch.int32, device=DEVICE)
    active, made = torch.ones(1, dtype=torch.bool, device=DEVICE), []
    for left in (0.0, 1e3):
        ring = torch.full((1, 8, 64), left, device=DEVICE)
        assert callable(form)
        made.append(form(mixed, active, ring, at, SLOPES, past=PAST, born=BORN))
    assert torch.equal(*made)


def test_a_stream_equals_the_whole() -> None:
    """Twenty frames in chunks of two through a ring of seven equal attention under a banded mask."""
    draw, past = randoms(), 4
    mixed = torch.randn(1, 20, 96, generator=draw)
    q, k, v = mixed[0].view(20, 3, 2, 16).permute(1, 2, 0, 3)  # [H, T, D]
    age = torch.arange(20)[:, None] - torch.arange(20)
    score = q @ k.transpose(1, 2) / 4 - age * SLOPES.cpu()[:, None, None]
    whole = torch.softmax(score.masked_fill((age < 0) | (age >= past), -torch.inf), -1) @ v
    ring, active = torch.zeros(1, 7, 64, device=DEVICE), torch.ones(1, dtype=torch.bool, device=DEVICE)
    made = []
    for n, part in enumerate(mixed.split(2, 1)):
        at = torch.tensor([2 * n], dtype=torch.int32, device=DEVICE)
        made.append(ring_attention(part.to(DEVICE), active, ring, at, SLOPES, past=past, born=0))
    near(torch.cat(made, 1).cpu(), whole.transpose(0, 1).reshape(1, 20, 32))


def test_a_ring_too_short_for_its_chunk_is_refused() -> None:
    ring, at = torch.zeros(1, 6, 64), torch.zeros(1, dtype=torch.int32)
    with pytest.raises(AssertionError, match="overwrite"):
        ring_attention_triton(torch.zeros(1, 2, 96), at == 0, ring, at, SLOPES, past=5, born=0)

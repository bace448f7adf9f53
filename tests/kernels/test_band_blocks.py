"""The recurrent blocks in one program: the reference's values and the model's own, for bands that fill no tile."""

from __future__ import annotations

import pytest
import torch

from kernels.band_blocks import BlockWeights, band_blocks, band_blocks_reference, band_blocks_triton
from models.enhance import EnhanceConfig, Enhancer, TimeFrequency
from models.enhance_fused import FusedEnhancer, _stacked
from tests.contract import verify_contract
from tests.kernels.compare import DEVICE, near, poisoned, randoms


def weights(blocks: int, bands: int, width: int) -> BlockWeights:
    draw = randoms()

    def made(*size: int) -> torch.Tensor:
        return (torch.randn(blocks, *size, generator=draw) * width**-0.5).to(DEVICE)

    w = width
    gru = (made(3 * w, w), made(3 * w), made(3 * w, w), made(3 * w))
    return BlockWeights(*gru, made(w, w), made(w), made(bands, w), made(3 * w, w), made(3 * w), made(w, w), made(w))


@pytest.mark.parametrize(("bands", "width", "heads", "blocks"), [(24, 32, 2, 3), (5, 16, 1, 1), (17, 64, 2, 2)])
def test_equals_the_reference(bands: int, width: int, heads: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    w, draw = weights(blocks, bands, width), randoms(1)
    x, memory = (torch.randn(2, *n, bands, width, generator=draw).to(DEVICE) for n in ((), (blocks,)))
    with poisoned(monkeypatch):
        got = band_blocks_triton(x, memory, w, heads=heads)
    for part, want in zip(got, band_blocks_reference(x, memory, w, heads=heads), strict=True):
        near(part, want)


@torch.no_grad()
def test_is_what_the_model_does() -> None:
    torch.manual_seed(0)
    enhancer = Enhancer(EnhanceConfig(blocks=2)).to(DEVICE).eval()
    x, memory = torch.randn(3, 24, 32, device=DEVICE), torch.randn(3, 2, 24, 32, device=DEVICE)
    got, kept = band_blocks(x, memory, _stacked(enhancer), heads=2)
    for n, block in enumerate(enhancer.net.blocks):
        assert isinstance(block, TimeFrequency)
        x, state = block.step(x, memory[:, n])
        near(kept[:, n], state)
    near(got, x)


def test_the_fused_enhancer_keeps_the_contract() -> None:
    """And so equals the plain one: `forward` is the plain one's."""
    torch.manual_seed(0)
    module = FusedEnhancer(Enhancer(channels=2)).eval().requires_grad_(False)

    def sound(generator: torch.Generator, rows: int, steps: int) -> torch.Tensor:
        return 0.1 * torch.randn(rows, 2, steps, generator=generator)

    verify_contract(module, example=sound, tolerance=1e-4)

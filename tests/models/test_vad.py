"""The voice activity detector: its streaming form, and that the shipped weights tell a voice from noise."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.recipes.vad import area, speaking
from models.vad import Vad, load_vad


@pytest.fixture(scope="module")
def shipped() -> Vad:
    return load_vad()


def voice(seconds: float) -> Tensor:
    """A buzz through two moving formants, in syllables: `[T]` at 48 kHz."""
    t = torch.arange(int(seconds * 48_000)) / 48_000
    pitch = 125 + 25 * torch.sin(2 * math.pi * 0.7 * t)
    phase = 2 * math.pi * pitch.cumsum(0) / 48_000
    sound = torch.zeros_like(t)
    for k in range(1, 30):
        near = ((k * pitch - 550 - 200 * torch.sin(9 * t)) / 100).square()
        far = ((k * pitch - 1600 - 500 * torch.sin(6 * t)) / 180).square()
        sound += (1 / (1 + near) + 0.5 / (1 + far)) * torch.sin(k * phase)
    sound = sound * torch.sin(math.pi * (t * 3.7 % 1)).sqrt()
    return 0.06 * sound / sound.square().mean().sqrt()


@torch.no_grad()
def test_step_equals_forward(shipped: Vad) -> None:
    x = 0.1 * torch.randn(2, 2, 40 * shipped.hop)
    state, made = shipped.initial_state(2), []
    for chunk in x.split(shipped.hop, -1):
        state, out = shipped.step(state, chunk)
        assert out.shape == (2, 1, 1)
        made.append(out)
    torch.testing.assert_close(torch.cat(made, -1), shipped(x), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_silence_and_hiss_are_not_speech(shipped: Vad) -> None:
    torch.manual_seed(1)
    assert shipped(torch.zeros(1, 1, 96_000))[..., 20:].max() < 0.5
    for level in (0.003, 0.03, 0.3):
        assert shipped(level * torch.randn(1, 1, 96_000))[..., 50:].mean() < 0.4


@torch.no_grad()
def test_a_voice_is_found_where_it_is(shipped: Vad) -> None:
    torch.manual_seed(2)
    sound = torch.cat([torch.zeros(72_000), voice(2.0), torch.zeros(72_000)])
    chance = shipped((sound + 0.003 * torch.randn(sound.shape))[None, None])[0, 0]
    inside, outside = chance[170:345].mean(), torch.cat([chance[50:145], chance[390:]]).mean()
    assert inside > outside + 0.4


def test_labels_follow_the_clean_track() -> None:
    sound = torch.cat([torch.zeros(16_000), voice(1.0)[::3], torch.zeros(16_000)]) + 1e-5 * torch.randn(48_000)
    label = speaking(sound[None])[0]
    assert label[110:190].mean() > 0.95
    assert label[:90].mean() < 0.05
    assert label[215:].mean() < 0.05


def test_area_under_the_curve() -> None:
    chance, label = torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert area(chance, label) == pytest.approx(0.75)

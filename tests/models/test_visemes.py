"""Lips from sound: the contract, the shipped weights on synthetic sound, and the curves that it learns from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from models.mouth import MOUTH, mouth_pose
from models.recipes.mouths import lip_curves, mouth_curves
from models.recipes.visemes import opened, widened
from models.rig import INDEX, aperture, settled
from models.visemes import Visemes, load_visemes
from tests.contract import verify_contract

SAID = [("", 0.0, 0.2), ("M", 0.2, 0.3), ("AA", 0.3, 0.6), ("UW", 0.6, 0.9), ("", 0.9, 1.2)]


@pytest.fixture(scope="module")
def shipped() -> Visemes:
    return load_visemes()


def test_the_contract(shipped):
    verify_contract(
        shipped, example=lambda generator, rows, steps: 0.1 * torch.randn(rows, 1, steps, generator=generator)
    )


def test_it_is_told_within_80_ms(shipped):
    assert (shipped.delay + 1) * shipped.hop / 48_000 <= 0.08 + 1e-9


@torch.no_grad()
def test_silence_shuts_the_mouth_and_a_vowel_opens_it(shipped):
    t = torch.arange(48_000) / 48_000
    pitch = 130 + 10 * torch.sin(2 * math.pi * 3 * t)
    phase = 2 * math.pi * pitch.cumsum(0) / 48_000
    vowel = sum(
        (1 / (1 + ((k * pitch - 750) / 90) ** 2) + 0.7 / (1 + ((k * pitch - 1200) / 110) ** 2)) * torch.sin(k * phase)
        for k in range(1, 28)
    )
    sound = torch.cat([torch.zeros(24_000), 0.08 * vowel / vowel.square().mean().sqrt(), torch.zeros(24_000)])
    opening = opened(shipped(sound[None, None])[0])
    assert opening[70:130].mean() > 0.25
    assert opening[:40].mean() < 0.1 and opening[175:].mean() < 0.1


def test_phones_become_mouths_that_lead_into_one_another():
    curves = torch.from_numpy(mouth_curves(SAID, 120))
    opening, width = opened(curves).numpy(), widened(curves).numpy()
    assert opening[25] < 0.1 < 0.4 < opening[43]
    assert opening[5] < 0.05 and opening[115] < 0.05
    assert width[75] < -0.5 < width[40]
    assert np.abs(np.diff(curves.numpy())).max() < 0.25


def test_the_measures_are_the_rigs_own():
    mouth = np.zeros(len(MOUTH), np.float32)
    for name, value in (("jawOpen", 0.5), ("mouthLowerDownLeft", 0.4), ("mouthUpperUpLeft", 0.2)):
        mouth[MOUTH.index(name)] = value
    pose = mouth_pose(mouth)
    assert pose[INDEX["mouthLowerDownRight"]] == pytest.approx(0.4)
    assert float(opened(torch.from_numpy(mouth)[:, None])) == pytest.approx(aperture(settled(pose)), abs=1e-6)


def test_lips_seen_at_25_a_second_are_there_at_100():
    lips = np.array([[0.0, 0.04, 0.08], [0.0, 1.0, 0.0], [2.0, 2.0, 2.0]], np.float32)
    opening, width = lip_curves(lips, 8)
    assert opening.argmax() in (3, 4) and opening[1] == pytest.approx(0.375)
    assert (width == 2).all()

"""What the vocoder learns from: noise that is to be noise, critics that learn, pieces that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.recipes.adversary import Adversary
from models.recipes.kathleen import Kathleen
from models.recipes.packs import Clips
from models.recipes.vocoder import AFTER, BEFORE, Supply, disturbed, shifted
from models.recipes.vocoder_losses import SpectralLoss
from models.tts.features import FEATURES, HOP, mel


def noise(seed: int, *, level: float = 0.05, samples: int = 12_000) -> Tensor:
    return level * torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))


def tone(hz: float) -> Tensor:
    return 0.05 * torch.sin(torch.arange(12_000) * (2 * np.pi * hz / 24_000)).expand(2, -1)


def total(made: tuple[Tensor, Tensor], wanted: Tensor) -> float:
    return float(torch.stack(list(SpectralLoss()(made, wanted).values())).sum())


def test_noise_is_best_as_noise_of_its_level() -> None:
    wanted = noise(1)
    right = total((noise(2), noise(3)), wanted)
    assert right < total((noise(2), noise(2)), wanted) - 0.2  # always the same noise
    assert right < total((noise(2, level=0.04), noise(3, level=0.04)), wanted)
    assert right < total((tone(440), tone(440)), wanted) - 0.5


def test_the_sound_itself_costs_nothing() -> None:
    assert total((tone(440), tone(440)), tone(440)) < 1e-5
    assert total((tone(880), tone(880)), tone(440)) > 1


def test_critics_learn_and_keep_what_they_learned(tmp_path: Path) -> None:
    torch.manual_seed(1)
    adversary = Adversary(tmp_path / "critics.pt", torch.device("cpu"), rate=3e-3)
    made = tone(440)[:, :2400].clone().requires_grad_()
    parts = adversary.losses(made, noise(1, samples=2400))
    torch.stack(list(parts.values())).sum().backward()
    assert made.grad is not None and made.grad.abs().sum() > 0
    for seed in range(8):
        adversary.losses(made.detach(), noise(seed + 2, samples=2400))
    for listener in adversary.listeners:
        assert listener(noise(99))[-1].mean() > listener(tone(440))[-1].mean() + 0.1
    adversary.save()
    kept = Adversary(tmp_path / "critics.pt", torch.device("cpu"))
    for old, new in zip(adversary.listeners.parameters(), kept.listeners.parameters(), strict=True):
        assert torch.equal(old, new)


def test_a_piece_of_sound_goes_with_its_features() -> None:
    frames = 200
    sound = 0.1 * np.random.default_rng(1).standard_normal(frames * HOP)
    pcm = (32767 * sound * np.linspace(0.1, 1, len(sound))).astype(np.int16)
    bands = mel(torch.from_numpy(pcm.astype(np.float32) / 32768)[None])[0].T.numpy()
    features = np.concatenate([bands, np.zeros((frames, 2), np.float32)], 1)
    voice = Kathleen(Clips(["a"], [0, len(pcm)], pcm), features, ["a"], [0], [])
    heard, seen = next(iter(Supply(voice, 2, 60, seed=3)))
    assert heard.shape == (2, 60 * HOP)
    assert seen.shape == (2, BEFORE + 60 + AFTER, FEATURES)
    found = mel(heard)[..., 3:-3].mean(1)  # [B, 54]
    assert (found - seen[:, BEFORE + 3 : -AFTER - 3, :80].mean(2)).abs().mean() < 0.35


def test_disturbing_is_slight_and_leaves_the_original_alone() -> None:
    rng, features = np.random.default_rng(1), torch.randn(50, FEATURES)
    kept = features.clone()
    errors = [(disturbed(features, rng) - features)[:, :81].abs().mean() for _ in range(20)]
    assert torch.equal(features, kept)
    assert 0 < max(errors) < 1
    assert min(errors) == 0


def test_a_voice_shifted_up_is_higher_and_its_features_know() -> None:
    sound = tone(400)[0, :9600]
    features = torch.cat([mel(sound[None])[0].T, torch.ones(40, 2)], 1)
    made, seen = shifted(sound, features, 1.25, 20)
    assert made.shape == (20 * HOP,) and seen.shape == (20, FEATURES)
    assert torch.fft.rfft(made).abs().argmax() == 100  # 500 Hz in bins of 5 Hz
    torch.testing.assert_close(seen[3:-3, :80], mel(made[None])[0].T[3:-3], atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[:, 80], torch.full((20,), 1 + float(np.log2(1.25))))

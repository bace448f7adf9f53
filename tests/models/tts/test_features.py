"""The voice's features: how many frames, where each looks, and what silence and tones look like."""

from __future__ import annotations

import math

import torch

from models.tts.features import BANDS, HOP, LOG_FLOOR, VOICE_HZ, mel


def test_a_frame_for_every_whole_hop() -> None:
    assert mel(torch.randn(2, 10 * HOP + HOP - 1)).shape == (2, BANDS, 10)


def test_silence_is_the_floor() -> None:
    assert torch.equal(mel(torch.zeros(1, 5 * HOP)), torch.full((1, BANDS, 5), math.log(LOG_FLOOR)))


def test_a_click_is_loudest_in_the_frame_of_its_hop() -> None:
    for hop in (3, 8):
        sound = torch.zeros(1, 12 * HOP)
        sound[0, hop * HOP + HOP // 2] = 1
        assert mel(sound)[0].mean(0).argmax() == hop


def test_higher_tones_light_higher_bands() -> None:
    t = torch.arange(VOICE_HZ // 5) / VOICE_HZ
    tones = torch.stack([torch.sin(2 * math.pi * hz * t) for hz in (100, 400, 1000, 3000, 6000, 11_500)])
    loudest = mel(tones)[:, :, 10].argmax(1).tolist()
    assert loudest == sorted(set(loudest))


def test_twice_as_loud_adds_log_two() -> None:
    sound = 0.1 * torch.randn(1, 20 * HOP, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(mel(2 * sound), mel(sound) + math.log(2), atol=1e-4, rtol=0)

"""The voice changer: where pitch and formants come out, that nothing changes at 0 and 0, and the streaming contract."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.changer import HOP, Changer
from models.streaming import Tree
from streamer.frame import AudioFrame
from streamer.settings import Settings, merge
from streamer.stages.sound import SoundEngines, build_path, with_changer
from streamer.ticks.device import Device
from tests.contract import verify_contract

RATE = 48_000
FORMANTS = ((700.0, 90.0), (1800.0, 110.0), (3000.0, 140.0))
Samples = NDArray[np.float64]


def vowel(f0: float = 110.0, seconds: float = 0.8) -> Samples:
    """Harmonics of a slightly swaying voice under three formants."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = np.cumsum(f0 * (1 + 0.01 * np.sin(2 * np.pi * 4 * time))) / RATE
    sound = np.zeros(len(time))
    for n in range(1, int(6000 / f0)):
        strength = sum((1 + ((n * f0 - hz) / width) ** 2) ** -0.5 for hz, width in FORMANTS)
        sound += (strength + 0.01) * np.cos(2 * np.pi * n * phase)
    return 0.4 * sound / np.abs(sound).max()


def changed(sound: Samples, *, pitch: float = 0.0, formants: float = 0.0) -> Samples:
    wishes = torch.tensor([pitch, formants])[None, :, None].expand(1, 2, len(sound) // HOP).contiguous()
    with torch.inference_mode():
        out = Changer().forward((torch.tensor(sound, dtype=torch.float32)[None, None], wishes))
    return np.asarray(out[0, 0].double())


def pitch_of(sound: Samples) -> float:
    """In the middle, by autocorrelation."""
    part = sound[RATE // 2 : RATE // 2 + 4096] * np.hanning(4096)
    like = np.fft.irfft(np.abs(np.fft.rfft(part, 16384)) ** 2)
    first, last = RATE // 500, RATE // 50
    return RATE / (first + int(np.argmax(like[first:last])))


def share_near(sound: Samples, hz: float) -> float:
    """Of the power, what lies within 200 Hz."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    places = np.arange(len(power)) * RATE / len(sound)
    return float(power[np.abs(places - hz) < 200].sum() / power.sum())


def example(generator: torch.Generator, rows: int, steps: int) -> Tree:
    """Two channels of noise with a tone, and wishes that change on the way."""
    hops = steps // HOP
    tone = 0.3 * torch.sin(2 * math.pi * 220 / RATE * torch.arange(steps)) + 0.1 * torch.randn(
        rows, 2, steps, generator=generator
    )
    return tone, 6 * torch.rand(rows, 2, hops, generator=generator) - 3


def test_contract() -> None:
    verify_contract(Changer(2), example=example, hops=12)


def test_at_zero_it_only_waits_less_than_forty_milliseconds() -> None:
    sound = vowel(seconds=0.4)
    np.testing.assert_allclose(changed(sound)[HOP:-HOP], sound[HOP:-HOP], atol=1e-5)
    assert Changer.delay <= 0.04 * RATE


@pytest.mark.parametrize("semitones", [-7.0, -4.0, 3.0, 7.0, 12.0])
def test_the_pitch_moves_and_the_formants_stay(semitones: float) -> None:
    before = vowel()
    after = changed(before, pitch=semitones)
    assert pitch_of(after) / pitch_of(before) == pytest.approx(2 ** (semitones / 12), rel=0.01)
    for hz, _ in FORMANTS[:2]:
        assert share_near(after, hz) > 0.6 * share_near(before, hz)
    assert 0.6 < after.std() / before.std() < 1.5


@pytest.mark.parametrize("semitones", [-4.0, 4.0])
def test_the_formants_move_and_the_pitch_stays(semitones: float) -> None:
    before = vowel()
    after = changed(before, formants=semitones)
    assert pitch_of(after) == pytest.approx(pitch_of(before), rel=0.01)
    for hz, _ in FORMANTS[1:]:
        moved = hz * 2 ** (semitones / 12)
        assert share_near(after, moved) > 0.7 * share_near(before, hz) > share_near(after, hz)


def test_wishes_that_change_on_the_way_leave_no_click() -> None:
    tone = torch.sin(2 * math.pi * 200 / RATE * torch.arange(40 * HOP))[None, None]
    wishes = torch.where(torch.arange(40) < 20, 0.0, 5.0)[None, None].repeat(1, 2, 1)
    wishes[:, 1] = 0
    with torch.inference_mode():
        out: Tensor = Changer().forward((tone, wishes))
    bent = out[0, 0, 4 * HOP : -4 * HOP].diff().diff().abs()
    assert float(bent.max()) < 4 * (2 * math.pi * 270 / RATE) ** 2


async def test_in_the_sound_path_it_fades_in_and_its_delay_is_there_from_the_start() -> None:
    off = {"limiter": {"on": False}, "enhance": {"on": False}}
    settings, device = merge(Settings(), off), Device()
    plain = SoundEngines.build(1, slots=1, device=device)
    engines = with_changer(plain, 1, slots=1)
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(100 * HOP) / RATE)).astype(np.float32)[None]
    hops = [AudioFrame(at, tone[:, at : at + HOP]) for at in range(0, tone.shape[1], HOP)]
    try:
        path = build_path(engines, channels=1, settings=lambda: settings)
        before = [hop.samples for hop in await path.process(hops[:40])]
        settings = merge(settings, {"changer": {"on": True, "pitch": 7.0}})
        after = [hop.samples for hop in await path.process(hops[40:])]
        path.close()
        assert path.delay == build_path(plain, channels=1, settings=lambda: settings).delay + Changer.delay
    finally:
        for engine in (plain.enhance, plain.level, plain.limiter, engines.changer):
            engine.close()
        device.close()
    sound = np.concatenate([*before, *after], axis=1)[0].astype(float)
    np.testing.assert_array_equal(sound[path.delay : 40 * HOP], tone[0, : 40 * HOP - path.delay])
    assert pitch_of(sound[-RATE * 13 // 20 :]) == pytest.approx(200 * 2 ** (7 / 12), rel=0.01)
    assert np.abs(np.diff(sound[path.delay + 2 :], 2)).max() < 4 * 0.3 * (2 * np.pi * 300 / RATE) ** 2


def test_silence_stays_silence() -> None:
    assert not changed(np.zeros(10 * HOP), pitch=5).any()

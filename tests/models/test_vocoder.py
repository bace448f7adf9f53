"""The vocoder: its streaming form, what its source and filter are, and that what it says has the features asked for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.tts.features import BANDS, HOP, PITCH_ROW, VOICE_HZ, VOICED_ROW, band_weights, mel
from models.vocoder import HIGHEST_HZ, Vocoder, load_vocoder, minimum_phase
from tests.contract import verify_contract


@pytest.fixture(scope="module")
def shipped() -> Vocoder:
    return load_vocoder()


def talk(generator: torch.Generator, rows: int, steps: int) -> Tensor:
    """Features like a voice's: a bumpy, moving spectrum, a gliding pitch, now and then no voice."""
    bumps = torch.nn.functional.interpolate(torch.randn(rows, 1, 12, 4, generator=generator), (BANDS, steps))[:, 0]
    glide = 0.3 * torch.randn(rows, 1, 1, generator=generator) + 0.1 * torch.randn(rows, 1, steps, generator=generator)
    return torch.cat([bumps - 4, glide, (torch.rand(rows, 1, steps, generator=generator) < 0.7).float()], 1)


def steady(hz: float, *, voiced: float, frames: int) -> Tensor:
    """A vowel or a hiss that does not change: `[1, 82, frames]`."""
    made = torch.full((1, BANDS + 2, frames), -3.0)
    made[:, PITCH_ROW], made[:, VOICED_ROW] = math.log2(hz / 200), voiced
    return made


def streamed(vocoder: Vocoder, x: Tensor, frames: int) -> Tensor:
    state, made = vocoder.initial_state(len(x)), []
    for chunk in x.split(frames, -1):
        state, out = vocoder.step(state, chunk)
        made.append(out)
    return torch.cat(made, -1)


def test_the_contract_holds(shipped: Vocoder) -> None:
    verify_contract(shipped, example=talk, rows=2, hops=5, tolerance=1e-4)


@torch.no_grad()
def test_a_minute_in_the_phase_has_not_drifted(shipped: Vocoder) -> None:
    x = talk(torch.Generator().manual_seed(5), 1, 1500)
    whole, pieces = shipped(x), streamed(shipped, x, 30)
    want = whole[..., : -shipped.delay]
    assert (pieces[..., shipped.delay :] - want).abs().max() < 1e-4 * want.abs().max()


@pytest.mark.parametrize("hz", [110.0, 237.0, 460.0])
@torch.no_grad()
def test_the_source_has_every_harmonic_and_nothing_else(shipped: Vocoder, hz: float) -> None:
    rows = steady(hz, voiced=1, frames=101)[:, PITCH_ROW:]
    fresh = shipped.initial_state(1)
    (pulses, _), turns, _ = (x[0] for x in shipped.sources(rows, fresh.turns, fresh.drawn))
    assert turns.item() == pytest.approx(hz % 1, abs=1e-3) or hz % 1 == 0
    bins = torch.fft.rfft(pulses).abs() / len(pulses)  # a second: bins of 1 Hz
    harmonics = torch.arange(1, int(HIGHEST_HZ // hz) + 1) * int(hz)
    assert bins[harmonics].std() < 0.01 * bins[harmonics].mean()
    bins[harmonics] = 0
    bins[int(HIGHEST_HZ // hz + 1) * int(hz)] = 0  # the one that fades in
    assert bins.max() < 1e-3
    assert pulses.var() == pytest.approx(1, abs=0.02)


@torch.no_grad()
def test_noise_is_white_of_variance_one_and_is_not_drawn_twice(shipped: Vocoder) -> None:
    rows = steady(200, voiced=0, frames=101)[:, PITCH_ROW:]
    fresh = shipped.initial_state(1)
    sources, _, drawn = shipped.sources(rows, fresh.turns, fresh.drawn)
    again, _, _ = shipped.sources(rows, fresh.turns, drawn)
    noise, later = sources[0, 1], again[0, 1]
    assert noise.var() == pytest.approx(1, abs=0.05)
    assert (noise * later).mean().abs() < 0.05


def test_minimum_phase_of_one_pole() -> None:
    """Where the bands draw a smooth resonance, the filter is causal: its energy lies in the first half."""
    to_bins = band_weights(512)
    poles = 0.9 * torch.exp(torch.tensor([0.5j, -0.5j]))
    z = torch.exp(-1j * torch.linspace(0, math.pi, 257))
    response = 1 / ((1 - poles[0] * z) * (1 - poles[1] * z))
    bands = torch.linalg.lstsq(to_bins.T, response.abs().log()[:, None], driver="gelsd").solution[:, 0]
    made = torch.fft.irfft(torch.polar((bands @ to_bins).exp(), bands @ minimum_phase(to_bins)))
    want = torch.fft.irfft(response)
    assert (made - want).square().sum() < 0.01 * want.square().sum()


@torch.no_grad()
def test_before_it_learns_it_has_the_spectrum_asked_for() -> None:
    for voiced in (0.0, 1.0):
        asked = steady(190, voiced=voiced, frames=60)
        bands = torch.linspace(0, math.pi, BANDS)
        asked[0, :BANDS] += torch.sin(3 * bands)[:, None]
        found = mel(Vocoder()(asked)[:, 0])[0, :, 10:-10].mean(-1)
        wrong = (found - asked[0, :BANDS, 0])[40:].abs()  # below, harmonics stand apart
        assert wrong.mean() < 0.35


@torch.no_grad()
def test_the_shipped_one_sounds_as_high_as_it_is_asked(shipped: Vocoder) -> None:
    for hz in (130.0, 210.0):
        sound = shipped(steady(hz, voiced=1, frames=120))[0, 0, 4800:-4800]
        likeness = torch.fft.irfft(torch.fft.rfft(sound, 65_536).abs().square())
        shortest = VOICE_HZ // 450
        period = shortest + int(likeness[shortest : VOICE_HZ // 80].argmax())
        assert VOICE_HZ / period == pytest.approx(hz, rel=0.02)


@torch.no_grad()
def test_silence_stays_silence_and_extremes_stay_finite(shipped: Vocoder) -> None:
    quiet = shipped(shipped.silence.repeat(1, 1, 40))
    assert quiet.abs().max() < 1e-4
    wild = 50 * torch.randn(1, BANDS + 2, 40, generator=torch.Generator().manual_seed(2))
    made = shipped(wild)
    assert made.isfinite().all()
    assert made.shape == (1, 1, 40 * HOP)

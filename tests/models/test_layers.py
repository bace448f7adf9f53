"""The blocks under the sound models: windows, transforms, the GRU's two forms, rates."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.layers import BandAttention, BandConv, Dense, TimeGRU
from models.recipes.norms import add_norms, folded
from models.resample import Resampler
from models.spectrum import Spectrum, low_delay_windows

RATES = [(48_000, 16_000), (16_000, 48_000), (44_100, 48_000), (48_000, 44_100), (24_000, 48_000), (8_000, 48_000)]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("oversampling", [1, 3])
def test_windows_overlap_to_one(oversampling: int) -> None:
    hop = 160 * oversampling
    analysis, synthesis = low_delay_windows(512 * oversampling, hop)
    product = analysis[-2 * hop :] * synthesis
    torch.testing.assert_close(product[:hop] + product[hop:], torch.ones(hop))


@pytest.mark.parametrize("oversampling", [1, 3])
def test_matrix_transform_equals_fft_both_ways(oversampling: int) -> None:
    spectrum = Spectrum(oversampling)
    frames = torch.randn(5, spectrum.window)
    bins = spectrum.transform(frames)
    torch.testing.assert_close(spectrum.transform_step(frames), bins, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(spectrum.tails_step(bins), spectrum.tails(bins), atol=2e-5, rtol=1e-4)


def test_bins_do_not_depend_on_the_rate() -> None:
    t = torch.arange(4800) / 48_000
    tone = 0.3 * torch.sin(2 * math.pi * 1000 * t) + 0.1 * torch.sin(2 * math.pi * 3130 * t)
    fine, coarse = Spectrum(3), Spectrum(1)
    high, low = (s.transform(s.frames(x[None]))[0, -1] for s, x in ((fine, tone), (coarse, tone[::3])))
    assert (high - low).norm() < 0.01 * high.norm()


def test_gru_step_equals_sequence() -> None:
    gru = TimeGRU(12)
    x = torch.randn(2, 9, 5, 12)
    whole, last = gru(x, torch.zeros(2, 5, 12))
    state, steps = torch.zeros(2, 5, 12), []
    for t in range(9):
        state = gru.step(x[:, t], state)
        steps.append(state)
    torch.testing.assert_close(torch.stack(steps, 1), whole, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(state, last, atol=1e-6, rtol=1e-5)


def test_folded_norms_compute_the_same() -> None:
    net = torch.nn.Sequential(BandConv(6), Dense(6, 8), BandAttention(8, 10, 2))
    add_norms(net)
    for _ in range(3):
        net(3 * torch.randn(16, 10, 6) + 1)
    net.eval()
    x = torch.randn(4, 10, 6)
    torch.testing.assert_close(folded(net)(x), net(x), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("given_hz", "made_hz"), RATES)
def test_resampler_streams_what_it_makes_offline(given_hz: int, made_hz: int) -> None:
    resampler = Resampler(given_hz, made_hz, channels=2)
    x = torch.randn(3, 2, 12 * resampler.hop)
    state, made = resampler.initial_state(3), []
    for chunk in x.split(resampler.hop, -1):
        state, out = resampler.step(state, chunk)
        assert out.shape[-1] == made_hz // 100
        made.append(out)
    stream = torch.cat(made, -1)
    torch.testing.assert_close(stream[..., resampler.delay :], resampler(x)[..., : -resampler.delay], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("given_hz", "made_hz"), RATES)
def test_resampler_keeps_a_tone_and_its_time(given_hz: int, made_hz: int) -> None:
    resampler = Resampler(given_hz, made_hz)
    made, want = resampler(tone(given_hz, 1000)[None, None])[0, 0], tone(made_hz, 1000)
    edge = made_hz // 20
    assert (made - want)[edge:-edge].abs().max() < 2e-3


def test_resampler_stops_what_would_fold() -> None:
    made = Resampler(48_000, 16_000)(tone(48_000, 9500)[None, None])[0, 0]
    assert made[800:-800].abs().max() < 2e-3


def tone(rate_hz: int, hz: float) -> Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(rate_hz // 2) / rate_hz)

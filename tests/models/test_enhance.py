"""The enhancer: its streaming form, what must never change, and that the shipped weights do their work."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from models.enhance import Enhancer, load_enhancer
from models.spectrum import BINS
from models.streaming import commit

HOPS = 60


class Identity(nn.Module):
    """A mask of ones in place of the network."""

    def initial_memory(self, slots: int) -> Tensor:
        return torch.zeros(slots, 1)

    def forward(self, spectrum: Tensor) -> Tensor:
        mask = torch.zeros_like(spectrum)
        mask[..., 0, :] = 1
        return mask

    def step(self, spectrum: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward(spectrum), memory


class Talk(NamedTuple):
    """Something like speech `[1, 1, T]`, and noise to go with it."""

    clean: Tensor
    noise: Tensor


@pytest.fixture(scope="module")
def shipped() -> Enhancer:
    return load_enhancer(channels=1)


@pytest.fixture
def talk() -> Talk:
    """Syllables with a gliding pitch and three moving formants; hiss 5 dB below."""
    generator = torch.Generator().manual_seed(3)
    t = torch.arange(3 * 48_000) / 48_000
    pitch = 130 + 25 * torch.sin(2 * math.pi * 0.7 * t)
    phase = 2 * math.pi * pitch.cumsum(0) / 48_000
    clean = torch.zeros_like(t)
    for k in range(1, 30):
        peaks = [(500 + 200 * torch.sin(5 * t), 90), (1500 + 500 * torch.sin(3 * t), 150), (2600 + 0 * t, 200)]
        gain = sum((1 / (1 + ((k * pitch - centre) / width).square()) for centre, width in peaks), torch.zeros_like(t))
        clean += gain * torch.sin(k * phase) / k**0.3
    syllables = torch.sin(math.pi * (t * 3.3 % 1)).clamp(min=0) * ((t * 3.3).floor() % 5 < 3.5)
    clean = clean * syllables
    clean = 0.05 * clean / clean.square().mean().sqrt()
    noise = torch.randn(t.shape, generator=generator) * 0.05 * 10 ** (-5 / 20)
    return Talk(clean[None, None], noise[None, None])


@torch.no_grad()
def streamed(enhancer: Enhancer, x: Tensor) -> Tensor:
    state, made = enhancer.initial_state(x.shape[0]), []
    for chunk in x.split(enhancer.hop, -1):
        state, out = enhancer.step(state, chunk)
        made.append(out)
    return torch.cat(made, -1)


def level_db(x: Tensor) -> float:
    return float(10 * torch.log10(x.square().mean() + 1e-12))


@pytest.mark.parametrize("channels", [1, 2])
@torch.no_grad()
def test_step_equals_forward(channels: int) -> None:
    enhancer = load_enhancer(channels=channels)
    x = 0.1 * torch.randn(2, channels, HOPS * enhancer.hop)
    stream, whole = streamed(enhancer, x), enhancer(x)
    torch.testing.assert_close(stream[..., enhancer.delay :], whole[..., : -enhancer.delay], atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_idle_rows_keep_their_state_and_hurt_nobody(shipped: Enhancer) -> None:
    x = 0.1 * torch.randn(2, 1, 20 * shipped.hop)
    want = streamed(shipped, x[:1])
    state = shipped.initial_state(2)
    made = []
    for i, chunk in enumerate(x.split(shipped.hop, -1)):
        chunk = chunk.clone()
        idle = i % 3 == 1
        chunk[1] = math.nan if idle else chunk[1]
        new, out = shipped.step(state, chunk)
        commit(state, new, torch.tensor([True, not idle]))
        made.append(out[:1])
    torch.testing.assert_close(torch.cat(made, -1), want, atol=1e-6, rtol=1e-5)
    assert all(bool(leaf.isfinite().all()) for leaf in state)


@pytest.mark.parametrize("oversampling", [1, 3])
@torch.no_grad()
def test_a_mask_of_ones_changes_nothing(oversampling: int) -> None:
    enhancer = Enhancer(channels=2, oversampling=oversampling)
    enhancer.net = Identity()  # type: ignore[assignment]
    x = torch.randn(1, 2, 20 * enhancer.hop)
    torch.testing.assert_close(enhancer(x), x, atol=1e-6, rtol=0)
    torch.testing.assert_close(
        streamed(enhancer, x)[..., enhancer.delay :], x[..., : -enhancer.delay], atol=1e-6, rtol=0
    )


@torch.no_grad()
def test_silence_stays_silence(shipped: Enhancer) -> None:
    assert not streamed(shipped, torch.zeros(1, 1, HOPS * shipped.hop)).any()


@pytest.mark.parametrize("gain", [1e-20, 1e-5, 1.0, 100.0])
@torch.no_grad()
def test_extremes_stay_finite_and_bounded(shipped: Enhancer, gain: float) -> None:
    x = gain * torch.randn(1, 1, HOPS * shipped.hop).sign()
    made = streamed(shipped, x)
    assert made.isfinite().all()
    assert made.abs().max() <= 8 * gain


@torch.no_grad()
def test_the_stereo_image_stays(talk: Talk) -> None:
    enhancer = load_enhancer(channels=2)
    noisy = talk.clean + talk.noise
    made = enhancer(torch.cat([noisy, 0.25 * noisy], 1))
    torch.testing.assert_close(made[:, 1], 0.25 * made[:, 0], atol=1e-6, rtol=1e-4)


@torch.no_grad()
def test_noise_goes_and_the_voice_stays(shipped: Enhancer, talk: Talk) -> None:
    noisy = talk.clean + talk.noise
    made = shipped(noisy)
    assert level_db(shipped(talk.noise)[..., 48_000:]) < level_db(talk.noise) - 12
    assert level_db(made - talk.clean) < level_db(talk.noise) - 3
    assert abs(level_db(shipped(talk.clean)) - level_db(talk.clean)) < 3


@torch.no_grad()
def test_noise_above_eight_kilohertz_goes_too(shipped: Enhancer, talk: Talk) -> None:
    bins = torch.fft.rfft(shipped(talk.noise)[0, 0, 48_000:])
    before = torch.fft.rfft(talk.noise[0, 0, 48_000:])
    high = len(bins) // 3
    assert level_db(bins[high:].abs()) < level_db(before[high:].abs()) - 10


@torch.no_grad()
def test_what_is_only_above_eight_kilohertz_is_no_voice(shipped: Enhancer, talk: Talk) -> None:
    bins = torch.fft.rfft(talk.noise)
    bins[..., : int(bins.shape[-1] / 24 * 9)] = 0
    hiss = torch.fft.irfft(bins)
    assert level_db(shipped(hiss)[..., 48_000:]) < level_db(hiss) - 20


@torch.no_grad()
def test_the_same_at_sixteen_kilohertz(shipped: Enhancer, talk: Talk) -> None:
    coarse = Enhancer(oversampling=1).eval()
    coarse.net = shipped.net
    bins = torch.fft.rfft(talk.clean + talk.noise)
    bins[..., int(bins.shape[-1] / 24 * 7.5) :] = 0
    noisy = torch.fft.irfft(bins)
    fine = shipped(noisy)[..., ::3]
    error = fine - coarse(noisy[..., ::3].contiguous())
    assert level_db(error[..., 4800:]) < level_db(fine) - 20


@torch.no_grad()
def test_the_step_exports_with_a_free_batch(shipped: Enhancer) -> None:
    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enhancer = shipped

        def forward(self, past: Tensor, tail: Tensor, memory: Tensor, chunk: Tensor) -> tuple[Tensor, ...]:
            state = type(fresh)(past, tail, memory)
            new, out = self.enhancer.step(state, chunk)
            return (*new, out)

    fresh = shipped.initial_state(4)
    batch = torch.export.Dim("batch", min=1, max=256)
    chunk = torch.randn(4, 1, shipped.hop)
    exported = torch.export.export(Step(), (*fresh, chunk), dynamic_shapes=({0: batch},) * 4)
    one = shipped.initial_state(1)
    torch.testing.assert_close(
        exported.module()(*one, chunk[:1])[-1], shipped.step(one, chunk[:1])[1], atol=1e-6, rtol=1e-5
    )


def test_the_spectrum_covers_eight_kilohertz(shipped: Enhancer) -> None:
    assert BINS * 48_000 / shipped.spectrum.window == 8000
    assert (shipped.hop, shipped.delay) == (480, 480)

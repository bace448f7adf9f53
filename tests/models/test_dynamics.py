"""Level and limiter against what a listener may rely on."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.dynamics import Leveler, Limiter
from models.loudness import HOP
from models.streaming import StreamingModule, Tree
from tests.contract import verify_contract
from tests.exported import verify_export
from tests.signals import RATE, at_lufs, integrated_lufs, noise, sine, speech, streamed

CEILING_DB = -1.0
MODULES = pytest.mark.parametrize("module", [Leveler(2), Limiter(2)], ids=lambda module: type(module).__name__)


def db(amplitude: Tensor) -> float:
    return 20 * math.log10(float(amplitude))


def set_to(value: float, sound: Tensor) -> Tensor:
    return torch.full((len(sound), 1, sound.shape[-1] // HOP), value)


def leveled(sound: Tensor, target: Tensor | None = None) -> Tensor:
    """`[B, C, T]` -> `[B, C, T]`."""
    with torch.no_grad():
        return Leveler(sound.shape[1]).forward((sound, set_to(-18.0, sound) if target is None else target))


def limited(sound: Tensor, ceiling_db: float = CEILING_DB) -> Tensor:
    """`[B, C, T]` -> `[B, C, T]`."""
    with torch.no_grad():
        return Limiter(sound.shape[1]).forward((sound, set_to(ceiling_db, sound)))


def gain_db(before: Tensor, after: Tensor) -> Tensor:
    """Of each hop, `[B, hops]`; NaN where there is silence."""
    hops = [sound.square().sum(1).unfold(-1, HOP, HOP).sum(-1) for sound in (before, after)]
    return 10 * (hops[1] / hops[0]).log10()


def example(generator: torch.Generator, rows: int, steps: int) -> Tree:
    """Two channels that are loud and soft by turns, and a setting that changes on the way."""
    hops = steps // HOP
    loud = 4 * torch.rand(rows, 1, hops, generator=generator).repeat_interleave(HOP, -1) ** 3
    setting = torch.where(torch.arange(hops) < hops // 2, -18.0, -12.0).expand(rows, 1, hops).contiguous()
    return loud * torch.randn(rows, 2, steps, generator=generator), setting


@MODULES
def test_contract(module: StreamingModule) -> None:
    verify_contract(module, example=example, hops=30)


@MODULES
def test_export_with_a_dynamic_batch(module: StreamingModule) -> None:
    verify_export(module, lambda rows: (torch.randn(rows, 2, HOP), torch.full((rows, 1, 1), -18.0)))


@MODULES
def test_one_bad_stretch_does_not_live_on(module: StreamingModule) -> None:
    """100 ms of denormals or NaN leave no trace after two seconds, of infinity nothing that is not finite."""
    bad = torch.tensor([0.0, 1e-40, math.nan, math.inf]).view(-1, 1, 1).expand(-1, 2, RATE // 10)
    sound = torch.cat([bad, 0.1 * noise(2.5).expand(4, 2, -1)], -1)
    out = streamed(module, (sound, set_to(-18.0, sound)), sound.shape[-1] // HOP)[..., 2 * RATE :]
    torch.testing.assert_close(out[:3], out[:1].expand(3, -1, -1), rtol=1e-4, atol=1e-6)
    assert out.isfinite().all()


def test_speech_is_at_the_target_within_two_seconds() -> None:
    """From 22 dB under it to 12 dB over it."""
    for out in leveled(torch.stack([at_lufs(speech(8.0), start)[None] for start in (-40.0, -30.0, -18.0, -6.0)])):
        assert integrated_lufs(out[:, 2 * RATE : 5 * RATE]) == pytest.approx(-18.0, abs=1.0)
        assert integrated_lufs(out[:, 5 * RATE :]) == pytest.approx(-18.0, abs=1.0)


def test_a_new_target_is_followed() -> None:
    """Each way, within two seconds."""
    sound = at_lufs(speech(10.0), -24.0).expand(2, 1, -1)
    before = torch.arange(1000) < 600
    target = torch.stack([torch.where(before, -18.0, -26.0), torch.where(before, -26.0, -14.0)])[:, None]
    for out, want in zip(leveled(sound, target), (-26.0, -14.0), strict=True):
        assert integrated_lufs(out[:, 8 * RATE :]) == pytest.approx(want, abs=1.0)


def test_gain_stays_in_range_and_moves_no_faster_than_promised() -> None:
    sound = torch.stack([at_lufs(speech(6.0), start)[None] for start in (-48.0, 8.0)])
    gain = gain_db(sound, leveled(sound))
    steps = gain.diff()[gain.diff().isfinite()]
    torch.testing.assert_close(gain.nan_to_num()[:, -60:].abs().amax(1), torch.tensor([24.0, 20.0]), atol=0.01, rtol=0)
    assert float(steps.min()) > -0.14  # per hop, seen through the ramps of two hops
    assert float(steps.max()) < 0.22


def test_pauses_are_not_raised() -> None:
    """Twelve seconds of room after speech, 17 to 40 dB under it: the gain stands where speech left it."""
    spoken = torch.nn.functional.pad(at_lufs(speech(5.0), -25.0), (0, 12 * RATE))
    sound = torch.stack([(spoken + at_lufs(noise(17.0), room))[None] for room in (-65.0, -50.0, -42.0)])
    gain = gain_db(sound, leveled(sound))
    assert float((gain[:, 500:] - gain[:, 480:500].mean(1, keepdim=True)).abs().max()) < 0.5


def test_what_is_not_speech_passes_bit_for_bit() -> None:
    """A fan, hum or silence before anybody spoke, whether it was always there or begins."""
    steady = torch.stack([0.01 * noise(5.0), sine(100.0, -35.0, 5.0), torch.zeros(5 * RATE)])[:, None]
    begins = torch.nn.functional.pad(steady, (RATE, -RATE))
    for sound in (steady, begins):
        assert torch.equal(leveled(sound), sound)


def test_clicks_in_a_pause_do_not_count() -> None:
    """Keys at 25 dB under the voice, for ten seconds."""
    clicks = torch.zeros(10 * RATE).index_fill(0, torch.arange(0, 10 * RATE, 9000), 1.0)
    clicks = at_lufs(clicks + 1e-4 * noise(10.0), -45.0)
    sound = torch.cat([at_lufs(speech(5.0), -20.0), clicks])[None, None]
    gain = gain_db(sound, leveled(sound))[0]
    assert float(gain[500:].max() - gain[480:500].nanmean()) < 0.5


def test_a_softer_voice_is_found() -> None:
    """Somebody 12 dB softer, which is under the relative gate, within ten seconds."""
    sound = torch.cat([at_lufs(speech(5.0), -18.0), at_lufs(speech(13.0, seed=1), -30.0)])[None, None]
    assert integrated_lufs(leveled(sound)[0, :, -3 * RATE :]) == pytest.approx(-18.0, abs=1.5)


def test_a_bang_is_forgotten() -> None:
    """A knock on the microphone, clipped for 200 ms: the voice is back within five seconds."""
    spoken = at_lufs(speech(12.0), -22.0)
    spoken[4 * RATE : 4 * RATE + RATE // 5] = sine(200.0, 20.0, 0.2).clamp(-1, 1)
    out = leveled(spoken[None, None])[0]
    assert integrated_lufs(out[:, 9 * RATE :]) == pytest.approx(-18.0, abs=1.5)


def test_image_is_kept() -> None:
    left = at_lufs(speech(3.0), -30.0)
    sound = torch.stack([left, 0.25 * left])[None]
    for out in (leveled(sound), limited(50 * sound)):
        torch.testing.assert_close(out[:, 1], 0.25 * out[:, 0], rtol=1e-5, atol=1e-7)


ADVERSARIES = {
    "impulses": torch.zeros(RATE).index_fill(0, torch.arange(5, RATE, 997), 100.0),
    "one impulse": torch.zeros(RATE).index_fill(0, torch.tensor([24_007]), 1e4),
    "noise": 10 * noise(1.0),
    "bursts": 100 * noise(1.0) * (sine(3.0, 0.0, 1.0) > 0.9),
    "square": 4 * sine(441.0, 0.0, 1.0).sign(),
    "growing": noise(1.0) * torch.logspace(-3, 2, RATE),
    "+40 dB": sine(1000.0, 40.0, 1.0),
    "fs/4": sine(12_000.0, 6.0, 1.0),
    "infinite": torch.zeros(RATE).index_fill(0, torch.tensor([9_000]), math.inf),
}


@pytest.mark.parametrize("name", ADVERSARIES)
@pytest.mark.parametrize("ceiling_db", [-1.0, -12.0])
def test_ceiling_is_never_passed(name: str, ceiling_db: float) -> None:
    sound = ADVERSARIES[name].expand(1, 2, -1)
    most = 10 ** (ceiling_db / 20) * (1 + 1e-6)
    assert float(streamed(Limiter(2), (sound, set_to(ceiling_db, sound)), 100).abs().max()) <= most
    assert float(limited(sound, ceiling_db).abs().max()) <= most


def test_the_ceiling_moves_live() -> None:
    sound = (10 * noise(1.0)).view(1, 1, -1)
    ceiling_db = torch.where(torch.arange(100) < 50, -1.0, -12.0).view(1, 1, -1)
    out = streamed(Limiter(1), (sound, ceiling_db), 100)[..., 50 * HOP + Limiter.delay :]
    assert float(out.abs().max()) <= 10 ** (-12 / 20) * (1 + 1e-6)


def test_below_the_ceiling_sound_passes_bit_for_bit() -> None:
    sound = 0.2 * noise(1.0).clamp(-4, 4).expand(1, 2, -1)
    out = streamed(Limiter(2), (sound, set_to(CEILING_DB, sound)), 100)
    assert torch.equal(out[..., Limiter.delay :], sound[..., : -Limiter.delay])


def test_after_a_peak_sound_passes_bit_for_bit_again() -> None:
    sound = torch.cat([torch.full((HOP,), 100.0), 0.1 * noise(3.0)])
    assert torch.equal(limited(sound[None, None])[0, 0, -HOP:], sound[-HOP:])


@pytest.mark.parametrize("hz", [50.0, 100.0, 1000.0])
@pytest.mark.parametrize("over_db", [3.0, 12.0])
def test_a_limited_sine_stays_a_sine(hz: float, over_db: float) -> None:
    out = limited(sine(hz, over_db, 2.0)[None, None])[0, 0, RATE:].double()
    spectrum = torch.fft.rfft(out).abs().square()  # whole periods: no window needed
    fundamental = spectrum[round(hz)]
    assert float(10 * ((spectrum.sum() - fundamental) / fundamental).log10()) < -100.0
    assert db(out.abs().max()) == pytest.approx(CEILING_DB, abs=0.1)


def test_peaks_between_samples() -> None:
    """Noise up to 20 kHz, 12 dB too loud, seen at 16 times the rate."""
    spectrum = torch.fft.rfft(4 * noise(1.0))
    spectrum[20_000:] = 0
    out = limited(torch.fft.irfft(spectrum)[None, None])[0, 0].double()
    between = torch.fft.irfft(torch.fft.rfft(out), 16 * len(out)) * 16
    assert db(between.abs().max()) < CEILING_DB + 0.4


def test_release() -> None:
    """Half of the reduction is gone 70 ms after the hold of 10 ms, all of it within a second."""
    loud, soft = sine(1000.0, 6.0, 0.5), sine(1000.0, -20.0, 1.0)
    sound = torch.cat([loud, soft])[None, None]
    reduction = 1 - 10 ** (gain_db(sound, limited(sound))[0] / 20)
    assert float(reduction[58] / reduction[48]) == pytest.approx(0.5, abs=0.08)
    assert float(reduction[-1]) < 1e-3

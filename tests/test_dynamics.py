"""Loudness against the figures of the standards; level and limiter against what a listener may rely on."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.dynamics import Leveler, Limiter
from models.loudness import HOP, HopPower, Loudness, lufs
from models.streaming import StreamingModule, Tree, tree_leaves, tree_map
from tests.contract import verify_contract

RATE = 48_000
CEILING_DB = -1.0
CEILING = 10 ** (CEILING_DB / 20)


def db(amplitude: float | Tensor) -> float:
    return 20 * math.log10(max(float(amplitude), 1e-12))


def sine(hz: float, level_db: float, seconds: float) -> Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (10 ** (level_db / 20) * torch.sin(2 * math.pi * hz * time)).float()  # [T]


def noise(seconds: float, *, seed: int = 0) -> Tensor:
    return torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def speech(seconds: float, *, seed: int = 0) -> Tensor:
    """A buzz in syllables of 120…280 ms, 60 ms apart, with a pause of half a second after every seven."""
    generator = torch.Generator().manual_seed(seed)
    buzz = sine(120.0, 0.0, 1.0)
    for k in range(2, 30):
        buzz += sine(120.0 * k, -6.0 * math.log2(k), 1.0)
    parts: list[Tensor] = []
    while sum(map(len, parts)) < seconds * RATE:
        draw = torch.rand(2, generator=generator).tolist()
        syllable = torch.hann_window(round((0.12 + 0.16 * draw[0]) * RATE)).sqrt() * 10 ** (-0.4 * draw[1])
        parts += [syllable, torch.zeros(round((0.5 if len(parts) % 14 == 12 else 0.06) * RATE))]
    envelope = torch.cat(parts)[: round(seconds * RATE)]
    return envelope * buzz.repeat(math.ceil(seconds))[: len(envelope)]


def integrated_lufs(sound: Tensor) -> float:
    """BS.1770-4 with both gates, of `[C, T]`."""
    with torch.no_grad():
        blocks = HopPower(len(sound))(sound[None])[0, 0].unfold(0, 40, 10).mean(-1)
    blocks = blocks[lufs(blocks) > -70.0]
    return float(lufs(blocks[lufs(blocks) > lufs(blocks.mean()) - 10.0].mean()))


def at_lufs(sound: Tensor, level_lufs: float) -> Tensor:
    return sound * math.pow(10.0, (level_lufs - integrated_lufs(sound[None])) / 20)


def measured(sound: Tensor) -> Tensor:
    """`[C, T]` -> `[2, hops]`."""
    with torch.no_grad():
        return Loudness(len(sound))(sound[None])[0]


def set_to(value: float, sound: Tensor) -> Tensor:
    return torch.full((len(sound), 1, sound.shape[-1] // HOP), value)


def leveled(sound: Tensor, target: Tensor | None = None) -> Tensor:
    """`[B, C, T]` -> `[B, C, T]`."""
    with torch.no_grad():
        return Leveler(sound.shape[1])((sound, set_to(-18.0, sound) if target is None else target))


def limited(sound: Tensor, ceiling_db: float = CEILING_DB) -> Tensor:
    """`[B, C, T]` -> `[B, C, T]`."""
    with torch.no_grad():
        return Limiter(sound.shape[1])((sound, set_to(ceiling_db, sound)))


def streamed(module: StreamingModule, signal: Tree, hops: int) -> Tensor:
    state, outs = module.initial_state(len(tree_leaves(signal)[0])), []
    with torch.no_grad():
        for hop in range(hops):
            state, out = module.step(state, tree_map(lambda leaf, i=hop: leaf.chunk(hops, -1)[i], signal))
            outs.append(out)
    return torch.cat(outs, -1)  # type: ignore[arg-type]


def gain_db(before: Tensor, after: Tensor) -> Tensor:
    """Of each hop, `[B, hops]`; NaN where there is silence."""
    hops = [sound.square().sum(1).unfold(-1, HOP, HOP).sum(-1) for sound in (before, after)]
    return 10 * (hops[1] / hops[0]).log10()


# --- the contract ---


def example(generator: torch.Generator, rows: int, steps: int) -> Tree:
    """Two channels that are loud and soft by turns, and a setting that changes on the way."""
    hops = steps // HOP
    loud = 4 * torch.rand(rows, 1, hops, generator=generator).repeat_interleave(HOP, -1) ** 3
    setting = torch.where(torch.arange(hops) < hops // 2, -18.0, -12.0).expand(rows, 1, hops).contiguous()
    return loud * torch.randn(rows, 2, steps, generator=generator), setting


@pytest.mark.parametrize("module", [Leveler(2), Limiter(2)], ids=lambda module: type(module).__name__)
def test_contract(module: StreamingModule) -> None:
    verify_contract(module, example=example, hops=30)


def test_contract_of_loudness() -> None:
    verify_contract(Loudness(2), example=lambda g, rows, steps: example(g, rows, steps)[0], hops=30)


def parts(channels: int, rows: int) -> list[tuple[StreamingModule, Tree]]:
    sound = torch.randn(rows, channels, HOP)
    beside = (sound, torch.full((rows, 1, 1), -18.0))
    return [(Loudness(channels), sound), (Leveler(channels), beside), (Limiter(channels), beside)]


class Flat(torch.nn.Module):
    """A step over flat leaves: what can be exported."""

    def __init__(self, module: StreamingModule, like: Tree) -> None:
        super().__init__()
        self.module, self.like = module, like

    def forward(self, *leaves: Tensor) -> tuple[Tensor, ...]:
        given = iter(leaves)
        state, chunk = tree_map(lambda _: next(given), self.like)
        return tuple(tree_leaves(self.module.step(state, chunk)))


@pytest.mark.parametrize("index", range(3), ids=["loudness", "leveler", "limiter"])
def test_export_with_a_dynamic_batch(index: int) -> None:
    module, chunk = parts(2, 2)[index]
    like = (module.initial_state(2), chunk)
    width = torch.export.Dim("rows", min=1, max=64)
    with torch.no_grad():
        program = torch.export.export(
            Flat(module, like), tuple(tree_leaves(like)), dynamic_shapes=(tuple({0: width} for _ in tree_leaves(like)),)
        )
        wide = tree_leaves((module.initial_state(5), parts(2, 5)[index][1]))
        for got, want in zip(program.module()(*wide), Flat(module, like)(*wide), strict=True):
            torch.testing.assert_close(got, want)


# --- loudness ---


def weighted_powers(sound: Tensor) -> Tensor:
    """BS.1770-4 sample by sample in double precision: mean square of each hop of one channel."""
    y = sound.double().tolist()
    for b, a in (
        ((1.53512485958697, -2.69169618940638, 1.19839281085285), (-1.69065929318241, 0.73248077421585)),
        ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
    ):
        x, y, s1, s2 = y, [], 0.0, 0.0
        for sample in x:
            y.append(b[0] * sample + s1)
            s1, s2 = b[1] * sample - a[0] * y[-1] + s2, b[2] * sample - a[1] * y[-1]
    return torch.tensor(y, dtype=torch.float64).square().unfold(0, HOP, HOP).mean(-1)


@pytest.mark.parametrize("sound", [noise(1.0), noise(1.0) + 10, sine(40.0, 0.0, 1.0)], ids=["noise", "offset", "40 Hz"])
def test_weighting_equals_the_recurrence(sound: Tensor) -> None:
    want = weighted_powers(sound).float()
    hops = len(sound) // HOP
    torch.testing.assert_close(streamed(HopPower(1), sound[None, None], hops)[0, 0], want, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(HopPower(1)(sound[None, None])[0, 0], want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level_db", [-23.0, -33.0])
def test_stereo_sine_reads_its_level(level_db: float) -> None:
    """EBU Tech 3341, cases 1 and 2."""
    momentary, short = measured(sine(1000.0, level_db, 4.0).expand(2, -1))
    torch.testing.assert_close(momentary[40:], torch.full((360,), level_db), atol=0.1, rtol=0)
    torch.testing.assert_close(short[300:], torch.full((100,), level_db), atol=0.1, rtol=0)


def test_mono_full_scale_sine_reads_minus_three() -> None:
    """BS.1770-4: 997 Hz at 0 dBFS in one channel is -3.01 LKFS."""
    assert float(measured(sine(997.0, 0.0, 1.0)[None])[0, -1]) == pytest.approx(-3.01, abs=0.02)


def test_surround_weights() -> None:
    """EBU Tech 3341, case 6, with a loud LFE, which does not count."""
    levels = (-28.0, -28.0, -24.0, 0.0, -30.0, -30.0)  # L R C LFE Ls Rs
    sound = torch.stack([sine(1000.0, level, 3.5) for level in levels])
    assert float(measured(sound)[1, -1]) == pytest.approx(-23.0, abs=0.1)


def test_windows_slide() -> None:
    """EBU Tech 3341, cases 9 (short-term) and 12 (momentary): alternations as long as the window read constant."""
    slow = torch.cat([sine(1000.0, -20.0, 1.34), sine(1000.0, -30.0, 1.66)]).repeat(2).expand(2, -1)
    quick = torch.cat([sine(1000.0, -20.0, 0.18), sine(1000.0, -30.0, 0.22)]).repeat(5).expand(2, -1)
    assert (measured(slow)[1, 300:] + 23.0).abs().max() < 0.1
    assert (measured(quick)[0, 100:] + 23.0).abs().max() < 0.1


def test_no_drift_after_loud_sound() -> None:
    """A sum that is kept up would remember +40 dBFS for ever."""
    sound = torch.cat([sine(1000.0, 40.0, 1.0), sine(1000.0, -60.0, 4.0)]).expand(1, 2, -1)
    assert float(streamed(Loudness(2), sound, 500)[0, 1, -1]) == pytest.approx(-60.0, abs=0.1)


def test_silence_reads_the_floor() -> None:
    assert (measured(torch.zeros(2, RATE)) == -70.0).all()


# --- the automatic level ---


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


def test_image_is_kept() -> None:
    left = at_lufs(speech(3.0), -30.0)
    sound = torch.stack([left, 0.25 * left])[None]
    for out in (leveled(sound), limited(50 * sound)):
        torch.testing.assert_close(out[:, 1], 0.25 * out[:, 0], rtol=1e-5, atol=1e-7)


# --- the limiter ---

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


# --- robustness ---


@pytest.mark.parametrize("value", [0.0, 1e-40, math.nan, math.inf])
def test_one_bad_stretch_does_not_live_on(value: float) -> None:
    """Denormals, NaN or infinity for 100 ms: afterwards every output is finite again."""
    bad = torch.full((RATE // 10,), value)
    sound = torch.cat([0.1 * noise(0.5), bad, 0.1 * noise(2.0)]).expand(1, 2, -1)
    hops = sound.shape[-1] // HOP
    for module, _ in parts(2, 1):
        signal = sound if isinstance(module, Loudness) else (sound, set_to(-18.0, sound))
        assert streamed(module, signal, hops)[..., -(sound.shape[-1] // 4) :].isfinite().all()

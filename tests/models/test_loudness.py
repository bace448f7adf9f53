"""Loudness against the figures of BS.1770-4 and EBU Tech 3341, and against the recurrence it is made of."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.loudness import HOP, HopPower, Loudness
from tests.contract import verify_contract
from tests.exported import verify_export
from tests.signals import RATE, noise, sine, streamed


def measured(sound: Tensor) -> Tensor:
    """`[C, T]` -> `[2, hops]`."""
    with torch.no_grad():
        return Loudness(len(sound)).forward(sound[None])[0]


def test_contract() -> None:
    verify_contract(Loudness(2), example=lambda g, rows, steps: torch.randn(rows, 2, steps, generator=g), hops=12)


def test_export_with_a_dynamic_batch() -> None:
    verify_export(Loudness(2), lambda rows: torch.randn(rows, 2, HOP))


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


def test_one_bad_stretch_does_not_live_on() -> None:
    """Denormals, NaN or infinity for 100 ms: four seconds later the reading is what it would have been."""
    bad = torch.tensor([0.0, 1e-40, math.nan, math.inf]).view(-1, 1, 1).expand(-1, 2, RATE // 10)
    sound = torch.cat([bad, 0.1 * noise(4.0).expand(4, 2, -1)], -1)
    read = streamed(Loudness(2), sound, sound.shape[-1] // HOP)[..., -1]
    torch.testing.assert_close(read, read[:1].expand(4, -1), rtol=1e-5, atol=1e-3)

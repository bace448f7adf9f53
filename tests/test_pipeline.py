"""The sound path and what holds pictures back."""

import numpy as np
import pytest

from streamer.frame import HOP, AudioFrame, VideoFrame
from streamer.pipeline import DelayLine, SoundPath, crossfade
from streamer.stages.blend import FADE_HOPS, WARM_HOPS, Blend
from tests.fakes import Gain


def picture(arrival, size=4):
    plane = np.zeros((size, size), np.uint8)
    return VideoFrame(0, plane, plane[::2, ::2], plane[::2, ::2], arrival=arrival)


def tone(hops):
    return np.sin(2 * np.pi * 440 * np.arange(hops * HOP) / 48_000).astype(np.float32)[None]


async def run(stage, signal):
    hops = [await stage.process(signal[:, at : at + HOP]) for at in range(0, signal.shape[1], HOP)]
    return np.concatenate(hops, axis=1)


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
async def test_wet_and_dry_are_in_step_whatever_the_weight(weight):
    stage = Blend("gain", Gain(1.0, 240), channels=1, delay=240, wanted=lambda: weight)
    signal = tone(10)
    out = await run(stage, signal)
    assert np.allclose(out[:, 240:], signal[:, :-240], atol=1e-6)


async def test_switching_on_warms_up_then_fades_without_a_click():
    on = [0.0]
    lease = Gain(0.0)
    stage = Blend("gain", lease, channels=1, delay=0, wanted=lambda: on[0])
    signal = tone(WARM_HOPS + FADE_HOPS + 6)
    before = await run(stage, signal[:, : 2 * HOP])
    assert lease.steps == 0
    on[0] = 1.0
    after = await run(stage, signal[:, 2 * HOP :])
    out = np.concatenate((before, after), axis=1)
    assert lease.resets == 1
    assert np.array_equal(out[:, : (2 + WARM_HOPS) * HOP], signal[:, : (2 + WARM_HOPS) * HOP])
    assert not out[:, -2 * HOP :].any()
    assert np.abs(np.diff(out)).max() <= np.abs(np.diff(signal)).max() * 1.05


async def test_a_failing_step_passes_the_dry_sound_and_is_told():
    failures = []
    lease = Gain(0.0, 240)
    stage = Blend("gain", lease, channels=1, delay=240, wanted=lambda: 1.0, failed=failures.append)
    signal = tone(4)
    await run(stage, signal[:, : 2 * HOP])
    lease.fail = True
    out = await stage.process(signal[:, 2 * HOP : 3 * HOP])
    assert np.array_equal(out, signal[:, 2 * HOP - 240 : 3 * HOP - 240])
    assert failures == ["gain"]


async def test_the_path_adds_delays_and_shifts_pts():
    stages = [
        Blend(name, Gain(1.0, d), channels=1, delay=d, wanted=lambda: 1.0) for name, d in (("a", 480), ("b", 240))
    ]
    seen = []
    path = SoundPath(stages, observe=lambda name, seconds: seen.append(name))
    out = (await path.process([AudioFrame(4800, tone(1))]))[0]
    assert (path.delay, out.pts, seen) == (720, 4080, ["a", "b"])


def test_pictures_wait_as_long_as_the_sound_lags():
    line = DelayLine(4800)
    line.push(picture(10.0))
    line.push(picture(10.04))
    assert line.pop_due(10.09) is None
    assert line.pop_due(10.1) is not None
    assert line.next_due() == pytest.approx(10.14)


def test_pictures_wait_longer_where_the_sound_is_seen_to_lag():
    line = DelayLine(480)
    line.push(picture(10.0))  # pts 0
    assert line.next_due(10.05) == pytest.approx(10.05)
    assert line.next_due(10.0) == pytest.approx(10.01)
    assert line.next_due(12.0) == pytest.approx(10.41)
    assert line.next_due(None) == pytest.approx(10.01)


def test_a_full_delay_line_drops_its_oldest():
    line = DelayLine(48_000, cap_bytes=60)
    for arrival in range(4):
        line.push(picture(float(arrival)))
    assert (len(line), line.dropped) == (2, 2)
    assert line.next_due() == 3.0


def test_crossfade_ends_are_exact():
    dry, wet = tone(1), -tone(1)
    assert crossfade(dry, wet, 1.0, 1.0) is wet
    assert crossfade(dry, wet, 0.0, 0.0) is dry
    mixed = crossfade(dry, wet, 0.0, 1.0)
    assert mixed[0, 0] == dry[0, 0]
    assert mixed.dtype == np.float32

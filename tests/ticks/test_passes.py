"""Passes: one hand-over for several engines, shared ticks on the way, and trouble that stays where it arose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from models.streaming import StreamingModule
from streamer.channel import Closed
from streamer.engine import Engine, Seat, StepFailed
from streamer.frame import FormatError
from streamer.ticks.device import Device
from streamer.ticks.passes import here
from tests.test_engine import EXAMPLE, Fragile, gated, sound
from tests.toys import HOP, Average, Conv, Fir

Sound = NDArray[np.float32]


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device("cpu")
    yield device
    device.close()


@pytest.fixture
def build(device: Device) -> Callable[..., Engine]:
    def engine(module: StreamingModule, *, slots: int = 4, **options: object) -> Engine:
        return Engine("toy", module, slots=slots, example=EXAMPLE, device=device, **options)  # type: ignore[arg-type]

    return engine


async def through(seats: list[Seat], chunk: Sound) -> Sound:
    for seat in seats:
        chunk = np.array(await seat.step(chunk))
    return chunk


async def test_a_pass_gives_what_single_steps_give(device: Device, build: Callable[..., Engine]) -> None:
    engines = [build(module) for module in (Conv(), Fir(), Average())]
    alone, seats = [each.lease() for each in engines], [each.lease().seat() for each in engines]
    for turn in range(6):
        chunk = sound(HOP, turn)
        want = chunk
        for lease in alone:
            want = np.array(await lease.step(want))
        np.testing.assert_array_equal(await device.passes.run(through(seats, chunk)), want)


async def test_passes_meet_in_the_same_ticks(device: Device, build: Callable[..., Engine]) -> None:
    first, gate = gated(build, Average())
    second = build(Fir())
    paths = [[first.lease().seat(), second.lease().seat()] for _ in range(3)]
    gate.shut()
    held = asyncio.create_task(first.lease().step(sound(HOP)))
    await gate.until_entered()
    passes = [asyncio.create_task(device.passes.run(through(path, sound(HOP)))) for path in paths]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(held, *passes)
    assert (first.snapshot().ticks, first.snapshot().rows) == (2, 4)
    assert (second.snapshot().ticks, second.snapshot().rows) == (1, 3)


async def test_a_failing_step_is_raised_where_it_was_awaited(device: Device, build: Callable[..., Engine]) -> None:
    fragile, after = build(Fragile()), build(Average())
    good, bad = ([fragile.lease().seat(), after.lease().seat()] for _ in range(2))

    async def careful(seats: list[Seat], chunk: Sound) -> str:
        try:
            await seats[0].step(chunk)
        except StepFailed:
            await seats[1].step(sound(HOP))
            return "went on"
        return "well"

    said = await asyncio.gather(
        device.passes.run(careful(bad, np.full((1, HOP), np.nan, np.float32))),
        device.passes.run(careful(good, sound(HOP))),
    )
    assert said == ["went on", "well"]
    with pytest.raises(StepFailed):
        await device.passes.run(through(bad, np.full((1, HOP), np.nan, np.float32)))
    with pytest.raises(FormatError):
        await device.passes.run(through(good, sound(HOP + 1)))
    assert (await device.passes.run(through(good, sound(HOP)))).shape == (1, HOP)


async def test_a_cancelled_pass_goes_no_further(device: Device, build: Callable[..., Engine]) -> None:
    first, gate = gated(build, Average())
    second = build(Average())
    gate.shut()
    left = asyncio.create_task(device.passes.run(through([first.lease().seat(), second.lease().seat()], sound(HOP))))
    await gate.until_entered()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    gate.open.set()
    await second.lease().step(sound(HOP))
    assert second.snapshot().rows == 1


async def test_a_pass_never_waits_for_ever(device: Device, build: Callable[..., Engine]) -> None:
    engine, gate = gated(build, Average())
    gate.shut()
    with pytest.raises(TimeoutError):
        await device.passes.run(through([engine.lease().seat()], sound(HOP)), patience_s=0.05)
    gate.open.set()


async def test_a_lease_closed_on_the_way_ends_its_pass_alone(device: Device, build: Callable[..., Engine]) -> None:
    first, gate = gated(build, Average())
    second = build(Average())
    paths = [[first.lease(), second.lease()] for _ in range(2)]
    gate.shut()
    passes = [
        asyncio.create_task(device.passes.run(through([lease.seat() for lease in path], sound(HOP)))) for path in paths
    ]
    await gate.until_entered()
    paths[0][1].close()
    gate.open.set()
    with pytest.raises(Closed):
        await passes[0]
    assert (await passes[1]).shape == (1, HOP)


async def test_what_asks_for_nothing_runs_here() -> None:
    async def work() -> str:
        return threading.current_thread().name

    assert await here(work()) == threading.current_thread().name


async def test_a_pass_runs_on_the_devices_thread(device: Device) -> None:
    async def work() -> str:
        return threading.current_thread().name

    assert await device.passes.run(work()) == "device-cpu"

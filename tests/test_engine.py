"""The engine: leases, equality with the offline truth, and what one session's trouble does to another (nothing)."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.streaming import StreamingModule, Tree
from streamer.channel import Closed
from streamer.engine import Engine, EngineFull, Lease, StepFailed
from streamer.frame import FormatError
from streamer.ticks.device import Device
from streamer.ticks.stepper import EagerStepper
from tests.toys import HOP, Average, Conv, Fir, Pair, Pairs

EXAMPLE = torch.zeros(1, 1, HOP)
POISON = 1e6


class Fragile(Average):
    """Raises on a loud chunk, and gives NaN on a NaN."""

    def step(self, state: Tree, chunk: Tree) -> tuple[Tree, Tree]:
        if (chunk == POISON).any():  # type: ignore[union-attr]
            raise ValueError("too loud")
        return super().step(state, chunk)


class Gate:
    """Holds the worker's thread inside a step, so that a test can look at what happens meanwhile."""

    label = "gated"

    def __init__(self, module: StreamingModule, state: Tree) -> None:
        self._inner = EagerStepper(module, state)
        self.open, self.entered = threading.Event(), threading.Event()
        self.open.set()

    def __call__(self, slots: object, chunk: Tree) -> Tree:
        self.entered.set()
        assert self.open.wait(5)
        return self._inner(slots, chunk)  # type: ignore[arg-type]

    def shut(self) -> None:
        self.open.clear()
        self.entered.clear()

    async def until_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 5)


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


def gated(build: Callable[..., Engine], module: StreamingModule, **options: object) -> tuple[Engine, Gate]:
    gates: list[Gate] = []

    def gate(module: StreamingModule, state: Tree) -> Gate:
        gates.append(Gate(module, state))
        return gates[-1]

    return build(module, stepper=gate, **options), gates[0]


def sound(steps: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((1, steps)).astype(np.float32)


def offline(module: StreamingModule, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the stream should be: `forward`, late by the delay, silence before it."""
    with torch.inference_mode():
        y = module(torch.from_numpy(x)[None])[0].numpy()
    return np.concatenate([np.zeros_like(y[:, : module.delay]), y], -1)[:, : y.shape[1]]


def chunks(x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [x[:, at : at + HOP] for at in range(0, x.shape[1], HOP)]


async def run(lease: Lease, x: NDArray[np.float32], *, chance: random.Random | None = None) -> NDArray[np.float32]:
    outs = []
    for chunk in chunks(x):
        if chance is not None:
            await asyncio.sleep(chance.choice([0, 0, 0.001]))
        outs.append(np.array(await lease.step(chunk)))
    return np.concatenate(outs, -1)


def same(module: StreamingModule, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(y[:, module.delay :], offline(module, x)[:, module.delay :], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("module", [Average(), Conv(), Fir()], ids=lambda m: type(m).__name__)
async def test_desynchronised_sessions_equal_the_offline_truth(
    module: StreamingModule, build: Callable[..., Engine]
) -> None:
    engine = build(module, slots=5)
    chance = random.Random(1)

    async def session(seed: int) -> None:
        for again in range(3):  # a lease after a lease: slots are used again
            x = sound(HOP * chance.randint(5, 30), seed + 100 * again)
            with engine.lease() as lease:
                same(module, x, await run(lease, x, chance=chance))

    async with asyncio.TaskGroup() as tasks:
        for seed in range(5):
            tasks.create_task(session(seed))
    snapshot = engine.snapshot()
    assert snapshot.leased == 0
    assert snapshot.failures == 0
    assert snapshot.ticks < snapshot.rows  # some rows did share a tick
    assert 0 < snapshot.tick_ms.p50 <= snapshot.tick_ms.p99 <= snapshot.wait_ms.p99


async def test_trees_keep_their_types(device: Device) -> None:
    engine = Engine("pairs", Pairs(), slots=2, example=Pair(EXAMPLE, EXAMPLE), device=device)
    with engine.lease() as lease:
        first, second = (Pair(sound(HOP, seed), sound(HOP, seed + 1)) for seed in (1, 5))
        await lease.step(first)
        out = await lease.step(second)
    assert isinstance(out, Pair)
    np.testing.assert_array_equal(out.left, first.left)
    np.testing.assert_allclose(out.right, first.left + first.right, rtol=1e-6)


async def test_full_is_an_error_with_the_engines_name(build: Callable[..., Engine]) -> None:
    engine = build(Average(), slots=2)
    first, _ = engine.lease(), engine.lease()
    with pytest.raises(EngineFull, match="toy is full: all 2") as caught:
        engine.lease()
    assert (caught.value.name, caught.value.slots) == ("toy", 2)
    first.close()
    first.close()
    assert engine.lease().slot == first.slot


async def test_reset_starts_from_silence(build: Callable[..., Engine]) -> None:
    module = Conv()
    engine = build(module)
    x = sound(HOP * 4)
    with engine.lease() as lease, engine.lease() as other:
        await run(lease, sound(HOP * 3, 9))
        y = await run(other, x[:, : HOP * 2])
        lease.reset()
        same(module, x, await run(lease, x))
        same(module, x, np.concatenate([y, await run(other, x[:, HOP * 2 :])], -1))


async def test_a_failing_row_fails_alone(build: Callable[..., Engine]) -> None:
    module = Fragile()
    engine = build(module, slots=3)
    x = sound(HOP * 9)
    leases = [engine.lease() for _ in range(3)]
    outs: list[NDArray[np.float32]] = []
    for turn, chunk in enumerate(chunks(x)):
        bad = np.full_like(chunk, POISON if turn % 2 else np.nan)
        good, failed, also = await asyncio.gather(
            leases[0].step(chunk), leases[1].step(bad), leases[2].step(chunk), return_exceptions=True
        )
        assert isinstance(failed, StepFailed)
        assert (failed.__cause__ is not None) == bool(turn % 2)
        np.testing.assert_array_equal(np.asarray(good), np.asarray(also))
        outs.append(np.array(good))
    same(module, x, np.concatenate(outs, -1))
    same(module, x, await run(leases[1], x))  # the guilty slot was reset and works again
    assert engine.snapshot().failures == 9


async def test_a_cancelled_waiter_leaves_others_alone(build: Callable[..., Engine]) -> None:
    module = Conv()
    engine, gate = gated(build, module, slots=2)
    x = sound(HOP * 3)
    gate.shut()
    begun, other = engine.lease(), engine.lease()
    stepping = asyncio.create_task(begun.step(chunks(x)[0]))
    await gate.until_entered()
    waiting = asyncio.create_task(run(other, x))
    await asyncio.sleep(0)
    stepping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping
    begun.close()
    with engine.lease() as fresh:  # while the row of the lease before is still being stepped
        assert fresh.slot == begun.slot
        following = asyncio.create_task(run(fresh, x))
        await asyncio.sleep(0)
        gate.open.set()
        same(module, x, await waiting)
        same(module, x, await following)


async def test_a_cancelled_row_that_has_not_begun_is_withdrawn(build: Callable[..., Engine]) -> None:
    engine, gate = gated(build, Average(), slots=2)
    gate.shut()
    lease, other = engine.lease(), engine.lease()
    begun = asyncio.create_task(other.step(sound(HOP)))
    await gate.until_entered()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await lease.step(sound(HOP))
    gate.open.set()
    await begun
    await other.step(sound(HOP))
    assert engine.snapshot().rows == 2


async def test_close_tells_who_waits(build: Callable[..., Engine]) -> None:
    engine, gate = gated(build, Average(), slots=4)
    gate.shut()
    leases = [engine.lease() for _ in range(4)]
    begun = asyncio.create_task(leases[3].step(sound(HOP)))
    await gate.until_entered()
    waiters = [asyncio.create_task(lease.step(sound(HOP))) for lease in leases[:2]]
    await asyncio.sleep(0)
    engine.close()
    engine.close()
    gate.open.set()
    await begun  # had begun, and ends by itself
    for waiter in waiters:
        with pytest.raises(Closed):
            await waiter
    with pytest.raises(Closed):
        await leases[2].step(sound(HOP))
    with pytest.raises(Closed):
        engine.lease()
    assert engine.snapshot().leased == 0


async def test_one_chunk_at_a_time(build: Callable[..., Engine]) -> None:
    lease = build(Average()).lease()
    first = asyncio.create_task(lease.step(sound(HOP)))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one chunk at a time"):
        await lease.step(sound(HOP))
    await first


@pytest.mark.parametrize("chunk", [sound(HOP + 1), sound(HOP).astype(np.float64), (sound(HOP), sound(HOP))])
async def test_a_chunk_of_another_format_is_refused(build: Callable[..., Engine], chunk: object) -> None:
    with build(Average()).lease() as lease, pytest.raises(FormatError, match=r"takes chunks of float32\[1, 16\]"):
        await lease.step(chunk)  # type: ignore[arg-type]


async def test_a_step_never_waits_for_ever(build: Callable[..., Engine]) -> None:
    engine, gate = gated(build, Average(), patience_s=0.05)
    gate.shut()
    with engine.lease() as lease, pytest.raises(TimeoutError):
        await lease.step(sound(HOP))
    gate.open.set()


async def test_what_waits_during_a_tick_shares_the_next_one(build: Callable[..., Engine]) -> None:
    engine, gate = gated(build, Average())
    leases = [engine.lease() for _ in range(4)]
    gate.shut()
    first = asyncio.create_task(leases[0].step(sound(HOP)))
    await gate.until_entered()
    rest = [asyncio.create_task(lease.step(sound(HOP))) for lease in leases[1:]]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(first, *rest)
    assert (engine.snapshot().ticks, engine.snapshot().rows) == (2, 4)


async def test_swap_between_ticks_is_seamless(build: Callable[..., Engine]) -> None:
    class Other(EagerStepper):
        label = "other"

    module = Conv()
    engine = build(module, slots=3)
    x = sound(HOP * 400)
    with engine.lease() as one, engine.lease() as two:
        streams = [asyncio.create_task(run(lease, x)) for lease in (one, two)]
        await asyncio.sleep(0.01)
        await asyncio.to_thread(engine.swap, Other)
        for stream in streams:
            same(module, x, await stream)
    assert engine.snapshot().stepper == "other"

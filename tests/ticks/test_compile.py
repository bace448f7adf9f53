"""Compiled steps: what keeps an engine eager, what a package is named by, and (with a compiler) the real thing."""

from __future__ import annotations

import asyncio
import copy
import importlib
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.streaming import StreamingModule, Tree, tree_map
from streamer.engine import Engine, Lease
from streamer.ticks.compile import cache_key, compile_engine, compiler
from streamer.ticks.compiled import CompiledStepper, Tick, disagreement, load
from streamer.ticks.device import Device
from tests.contract import verify_contract
from tests.test_engine import EXAMPLE, run, same, sound
from tests.toys import HOP, Average, Conv, Fir, Gru, Pair, Pairs, signal

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler")


@pytest.fixture
def build() -> Iterator[Callable[[StreamingModule], Engine]]:
    device = Device("cpu")
    yield lambda module: Engine("toy", module, slots=3, example=EXAMPLE, device=device)
    device.close()


def by_hand(module: StreamingModule, example: Tree) -> Callable[[StreamingModule, Tree], CompiledStepper]:
    """What `load` gives, of the tick as it was before a compiler saw it."""
    state = module.initial_state(1)
    tick, like = Tick(module, example, state), module.step(state, example)[1]
    return lambda _, state: CompiledStepper(lambda flat: tick(*flat), like, state)


@pytest.mark.parametrize("toy", [Average, Conv, Fir, Gru])
def test_the_tick_equals_eager_steps(toy: Callable[[], StreamingModule]) -> None:
    module = toy()
    assert disagreement(by_hand(module, EXAMPLE), module, EXAMPLE) is None


def test_the_tick_takes_trees() -> None:
    pair = Pair(EXAMPLE, EXAMPLE)
    assert disagreement(by_hand(Pairs(), pair), Pairs(), pair) is None


class Forgets(Conv):
    """Right at every first step and for one row; wrong in what it carries when there are more."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        new, out = super().step(state, chunk)
        return (state if len(chunk) > 1 else new), out


class Loud(Conv):
    """Wrong in what it puts out."""

    def step(self, state: Any, chunk: Any) -> tuple[Any, Any]:
        new, out = super().step(state, chunk)
        return new, out * 1.001


@pytest.mark.parametrize(("wrong", "says"), [(Forgets, "with 2 rows"), (Loud, "output differs")])
def test_a_wrong_step_is_noticed(wrong: Callable[[], StreamingModule], says: str) -> None:
    module, errs = Conv(), wrong()
    errs.load_state_dict(module.state_dict())
    assert says in str(disagreement(by_hand(errs, EXAMPLE), module, EXAMPLE))


def test_the_key_names_what_matters() -> None:
    module = Conv()
    key = cache_key(module, EXAMPLE)
    assert cache_key(copy.deepcopy(module), EXAMPLE) == key
    assert cache_key(module, torch.zeros(7, 1, HOP)) == key  # rows do not matter
    other = copy.deepcopy(module)
    other.second.weight.data += 1e-7
    wide, slow = torch.zeros(1, 2, HOP), (Average(0.9), Average(0.99))
    assert len({key, cache_key(other, EXAMPLE), cache_key(module, wide), *(cache_key(m, EXAMPLE) for m in slow)}) == 5


def test_the_key_follows_imports_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "keyed"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "net": "from tests.toys import Conv\nfrom keyed.size import SIZE\nclass Net(Conv): pass\n",
        "size": "SIZE = 1\n",
        "other": "",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("keyed.net").Net()
    key = cache_key(module, EXAMPLE)
    (package / "other.py").write_text("changed = True\n")
    assert cache_key(module, EXAMPLE) == key
    (package / "size.py").write_text("SIZE = 2\n")
    assert cache_key(module, EXAMPLE) != key


async def test_without_a_compiler_it_stays_eager(
    build: Callable[..., Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    engine = build(Conv())
    assert await compile_engine(engine, cache=tmp_path) == "off, there is no C++ compiler"
    assert engine.snapshot().compiled == "off, there is no C++ compiler"
    assert engine.snapshot().stepper == "eager"


@needs_compiler
async def test_what_cannot_be_sent_stays_eager(build: Callable[..., Engine], tmp_path: Path) -> None:
    class Local(Conv):
        """Has no import path."""

    assert (await compile_engine(build(Local()), cache=tmp_path)).startswith("off, the module cannot be sent")


@needs_compiler
async def test_a_slow_build_ends(build: Callable[..., Engine], tmp_path: Path) -> None:
    status = await compile_engine(build(Conv()), cache=tmp_path, timeout_s=0.05)
    assert status == "off, the build took more than 0.05 s"


@needs_compiler
async def test_a_cancelled_build_ends(build: Callable[..., Engine], tmp_path: Path) -> None:
    engine = build(Conv())
    task = asyncio.create_task(compile_engine(engine, cache=tmp_path))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.compiled == "off, cancelled"


async def test_a_broken_package_stays_eager(build: Callable[..., Engine], tmp_path: Path) -> None:
    module = Conv()
    (tmp_path / f"toy-{cache_key(module, EXAMPLE)}.pt2").write_bytes(b"not a package")
    assert "cannot be run" in await compile_engine(build(module), cache=tmp_path)


def build_apart(module: StreamingModule, path: Path) -> None:
    """One build process; slow on a busy machine, because it gives way to everything."""
    job = pickle.dumps((module, EXAMPLE))
    command = [sys.executable, "-m", "streamer.ticks.compile", str(path)]
    done = subprocess.run(command, input=job, capture_output=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Conv, Path]:
    """A module and its package, made by two processes that race for it."""
    module, cache = Conv(), tmp_path_factory.mktemp("cache")
    path = cache / f"toy-{cache_key(module, EXAMPLE)}.pt2"
    racers = [threading.Thread(target=build_apart, args=(module, path)) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [left.name for left in sorted(cache.iterdir())] == [path.with_suffix(".lock").name, path.name]
    return module, path


@pytest.mark.campaign
@needs_compiler
async def test_eager_becomes_compiled_in_mid_stream(
    build: Callable[..., Engine], built: tuple[Conv, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, path = built
    monkeypatch.setenv("PATH", "")  # found, not built: no compiler is needed
    engine, swapped = build(module), asyncio.Event()

    async def stream(lease: Lease, seed: int) -> None:
        heard: list[NDArray[np.float32]] = []
        said: list[NDArray[np.float32]] = []
        while not swapped.is_set() or len(said) % 100:  # some hops before the swap, and some after
            heard.append(sound(HOP, seed + len(heard)))
            said.append(await run(lease, heard[-1]))
            await asyncio.sleep(0.001)
        same(module, np.concatenate(heard, -1), np.concatenate(said, -1))

    async with asyncio.TaskGroup() as streams:
        for seed in range(3):
            streams.create_task(stream(engine.lease(), 1000 * seed))
        await asyncio.sleep(0.05)
        assert engine.snapshot().stepper == "eager"
        assert await compile_engine(engine, cache=path.parent) == "on"
        swapped.set()
    assert engine.snapshot().stepper == "compiled"


@pytest.mark.campaign
@needs_compiler
def test_a_package_keeps_the_contract(built: tuple[Conv, Path]) -> None:
    module, path = built
    make = load(path, module, EXAMPLE)

    def step(state: Tree, chunk: Any) -> tuple[Tree, Tree]:
        state = tree_map(torch.clone, state)  # the stepper writes to its state; the contract's step must not
        return state, make(module, state)(range(len(chunk)), chunk)

    verify_contract(module, example=signal, compiled_step=step)


@pytest.mark.campaign
@needs_compiler
async def test_a_package_of_other_weights_is_refused(
    build: Callable[..., Engine], built: tuple[Conv, Path], tmp_path: Path
) -> None:
    stranger = Conv()
    shutil.copy(built[1], tmp_path / f"toy-{cache_key(stranger, EXAMPLE)}.pt2")
    engine = build(stranger)
    assert "differs from the eager one" in await compile_engine(engine, cache=tmp_path)
    with engine.lease() as lease:
        x = sound(HOP * 5)
        same(stranger, x, await run(lease, x))
    assert engine.snapshot().stepper == "eager"

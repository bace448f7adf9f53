"""`limelight bench engine`: what a tick costs, how many live streams one core carries, and what a busy loop does to it.

Ticks and live streams run on one core, which the engine, its event loop and the streams share; with a busy loop the
worker has another. Streams are counted twice: those that bring a hop every 10 ms, and those that bring packets of two
hops, as WebRTC does; the interpreter switches threads as often as in the server. No figure is printed unless the
model keeps the streaming contract and the compiled step agrees with the eager one.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.streaming import StreamingModule, tree_map
from streamer.engine import Engine, Lease
from streamer.ticks.compile import compile_engine
from streamer.ticks.device import Device
from streamer.ticks.stepper import Stepper, widths
from streamer.ticks.tick_stats import TickStats
from tests.contract import verify_contract
from tests.host_sync import HostSync
from tests.toys import Conv, signal

__all__ = ["main"]

HOP_S = 0.010
SLOTS = 90
BATCHES = sorted({*widths(SLOTS), 50})
COUNTS = (1, 4, 8, 16, 24, 32, 40, 50, 60, 70, 80, 90)
SWITCH_S = 0.0005  # the server's
Figures = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; 1 where the gate is red."""
    arguments = _arguments(argv)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:1])
    torch.set_num_threads(1)
    module, what = _module()
    example = torch.zeros(1, 1, module.hop)
    try:
        verify_contract(module, example=signal, tolerance=1e-4)
    except (AssertionError, HostSync) as broken:
        print(f"no figures: {what} breaks the streaming contract: {broken}", file=sys.stderr)
        return 1
    device = Device("cpu")
    # By the server's name, so that a step which it compiled is found.
    engine = Engine("enhance-1ch", module, slots=SLOTS, example=example, device=device)
    figures: Figures = {"model": what, "torch": torch.__version__, "cores": cores, "load": os.getloadavg()[0]}
    figures["eager"] = asyncio.run(_measure(engine, arguments.seconds, cores))
    if not arguments.eager:
        figures["status"] = asyncio.run(compile_engine(engine, cache=arguments.cache))
        if figures["status"] != "on" and "differs" in figures["status"]:
            print(f"no figures: {figures['status']}", file=sys.stderr)
            return 1
        if figures["status"] == "on":
            figures["compiled"] = asyncio.run(_measure(engine, arguments.seconds, cores))
    print(json.dumps(figures, indent=1) if arguments.json else _text(figures))
    device.close()
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="limelight bench engine", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--eager", action="store_true", help="leave the compiled step out")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each live run")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight", help="compiled steps")
    return parser.parse_args(argv)


def _module() -> tuple[StreamingModule, str]:
    """The enhancer; where there is none yet, a toy. Untrained weights cost the same as trained ones."""
    if importlib.util.find_spec("models.enhance") is None:
        return Conv(width=64), "toy convolutions"
    enhance = importlib.import_module("models.enhance")
    with suppress(OSError):
        module: StreamingModule = enhance.load_enhancer()
        return module.requires_grad_(False), "enhance"
    torch.manual_seed(0)
    untrained: StreamingModule = enhance.Enhancer()
    return untrained.eval().requires_grad_(False), "enhance, untrained"


async def _measure(engine: Engine, seconds: float, cores: list[int]) -> Figures:
    with engine.lease() as lease:  # one tick, so that a swap takes effect
        await lease.step(_chunk(engine))
    engine.device.run(lambda: os.sched_setaffinity(0, cores[:1]))
    alone: Figures = {
        "ticks": {width: await asyncio.to_thread(_tick_ms, engine, width) for width in BATCHES},
        "live": await _most_streams(engine, seconds, hops=1),
        "live_packets": await _most_streams(engine, seconds, hops=2),
    }
    # A loop that takes 90 % of the only core leaves nothing to measure: here the worker has another, if there is one.
    engine.device.run(lambda: os.sched_setaffinity(0, cores[-1:]))
    return {
        **alone,
        "idle_loop": await _under(engine, seconds, busy_s=0.0),
        "busy_loop": await _under(engine, seconds, busy_s=0.0045),
        "busy_loop_fast_switch": await _fast_switching(engine, seconds),
    }


def _chunk(engine: Engine) -> Any:
    return np.zeros(engine.example.shape[1:], np.float32)  # type: ignore[union-attr]


def _tick_ms(engine: Engine, width: int, *, repeats: int = 200) -> Figures:
    """The stepper alone, on the device's thread: what batching is worth."""
    chunk = tree_map(lambda leaf: 0.1 * torch.randn(width, *leaf.shape[1:]), engine.example)
    stepper: Stepper = engine.stepper
    return engine.device.run(lambda: _quantiles([_one(stepper, width, chunk) for _ in range(repeats)][10:], width))


def _one(stepper: Stepper, width: int, chunk: Any) -> float:
    begin = time.perf_counter()
    stepper(range(width), chunk)
    return (time.perf_counter() - begin) * 1e3


def _quantiles(times_ms: Sequence[float], rows: int = 1) -> Figures:
    p50, p95, p99 = np.quantile(times_ms, [0.50, 0.95, 0.99])
    best = min(times_ms)
    figures = {
        "best_ms": best,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "row_ms": p50 / rows,
        "best_row_ms": best / rows,
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


async def _most_streams(engine: Engine, seconds: float, *, hops: int) -> Figures:
    """The most streams whose p99 from the moment a packet is due to its last result stays under the hop."""
    held: Figures = {"streams": 0}
    with _switching(SWITCH_S):
        for count in COUNTS:
            figures = await _live(engine, count, seconds, hops=hops)
            if figures["p99_ms"] >= HOP_S * 1e3:
                return {**held, "broke_at": count, "broke_p99_ms": figures["p99_ms"]}
            held = {"streams": count, **figures}
    return held


@contextmanager
def _switching(interval_s: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval_s)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


async def _live(engine: Engine, count: int, seconds: float, *, hops: int = 1) -> Figures:
    """`count` streams in real time, their packets of `hops` hops spread evenly."""
    engine.stats = TickStats()
    late_ms: list[float] = []
    start, leases = time.perf_counter() + 0.05, [engine.lease() for _ in range(count)]
    busy = time.process_time()
    async with asyncio.TaskGroup() as streams:
        for index, lease in enumerate(leases):
            every, first = hops * HOP_S, start + hops * HOP_S * index / count
            dues = (first + number * every for number in range(int(seconds / every)))
            streams.create_task(_stream(lease, [_chunk(engine)] * hops, dues, late_ms))
    used = (time.process_time() - busy) / seconds
    for lease in leases:
        lease.close()
    snapshot = engine.snapshot()
    rows = round(snapshot.rows / snapshot.ticks, 2)
    return {**_quantiles(late_ms), "rows_a_tick": rows, "core_used": round(used, 3)}


async def _stream(lease: Lease, chunks: list[Any], dues: Iterator[float], late_ms: list[float]) -> None:
    passes, seat = lease.engine.device.passes, lease.seat()

    async def packet() -> None:
        for chunk in chunks:
            await seat.step(chunk)

    for number, due in enumerate(dues):
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        # The clock starts when the packet was due, not when a late loop got to it.
        await passes.run(packet())
        if number > 20:
            late_ms.append((time.perf_counter() - due) * 1e3)


async def _under(engine: Engine, seconds: float, *, busy_s: float) -> Figures:
    """One stream beside a loop that computes `busy_s` of every 5 ms in Python: tick, and hop to result."""
    spinner = asyncio.create_task(_spin(busy_s))
    figures = await _live(engine, 1, seconds)
    spinner.cancel()
    return {"hop_to_result": figures, "tick_ms": engine.snapshot().tick_ms._asdict()}


async def _spin(busy_s: float) -> None:
    while True:
        until = time.perf_counter() + busy_s
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0.005 - busy_s)


async def _fast_switching(engine: Engine, seconds: float) -> Figures:
    """The same with the interpreter's lock passed on after 0.5 ms instead of 5."""
    with _switching(SWITCH_S):
        return await _under(engine, seconds, busy_s=0.0045)


def _text(figures: Figures) -> str:
    lines = [f"{figures['model']}, torch {figures['torch']}, cores {figures['cores']}, load {figures['load']:.1f}"]
    for kind in ("eager", "compiled"):
        if kind in figures:
            lines += [f"\n{kind}", *_section(figures[kind])]
    return "\n".join([*lines, f"\ncompiled step: {figures.get('status', 'not asked for')}"])


def _section(part: Figures) -> list[str]:
    lines = ["  rows   best     p50     p95     p99   p50 a row  (ms a tick)"]
    for rows, tick in part["ticks"].items():
        lines.append(
            f"  {rows:4d} {tick['best_ms']:7.3f} {tick['p50_ms']:7.3f} {tick['p95_ms']:7.3f} {tick['p99_ms']:7.3f}"
            f"   {tick['row_ms']:7.3f}"
        )
    for name, what in (("live", "a hop every 10 ms"), ("live_packets", "two hops every 20 ms")):
        lines.append(
            f"  streams of {what} that a core carries with p99 under 10 ms: {part[name]['streams']}  {part[name]}"
        )
    for name in ("idle_loop", "busy_loop", "busy_loop_fast_switch"):
        tick, whole = part[name]["tick_ms"], part[name]["hop_to_result"]
        lines.append(
            f"  {name}: tick p50 {tick['p50']:.2f} p99 {tick['p99']:.2f}; hop to result p99 {whole['p99_ms']} ms"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())

"""Time of one tick (10 ms) of loudness, level and limiter, as the engine runs it: `python -m tests.bench.dynamics`."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles

import torch

from models.dynamics import Leveler, Limiter
from models.loudness import HOP, Loudness
from models.streaming import StreamingModule, Tree, tree_map
from streamer.ticks.compile import build
from streamer.ticks.compiled import disagreement, load
from streamer.ticks.stepper import EagerStepper, Stepper
from tests.bench._table import show

TICK_US = 1e6 * HOP / 48_000


def example(module: StreamingModule, channels: int) -> Tree:
    sound = 0.3 * torch.randn(1, channels, HOP)
    return sound if isinstance(module, Loudness) else (sound, torch.full((1, 1, 1), -18.0))


def steppers(module: StreamingModule, like: Tree, *, slots: int, folder: Path) -> list[Stepper]:
    """Eager and compiled.

    Raises:
        RuntimeError: the compiled step computes something else, so that its time means nothing.
    """
    path = folder / f"{type(module).__name__}.pt2"
    build(module, like, path)
    make = load(path, module, like)
    if (reason := disagreement(make, module, like)) is not None:
        raise RuntimeError(reason)
    return [EagerStepper(module, module.initial_state(slots)), make(module, module.initial_state(slots))]


def tick_us(stepper: Stepper, chunk: Tree, rows: int, *, repeats: int = 2000) -> tuple[float, float]:
    """Median and 95th percentile."""
    took = []
    with torch.inference_mode():
        for _ in range(repeats):
            begin = time.perf_counter()
            stepper(range(rows), chunk)
            took.append(1e6 * (time.perf_counter() - begin))
    cuts = quantiles(took[repeats // 10 :], n=20)
    return cuts[9], cuts[18]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--json", action="store_true")
    wanted, rows_found = parser.parse_args(argv), []
    torch.set_num_threads(1)
    for module in (Loudness(wanted.channels), Leveler(wanted.channels), Limiter(wanted.channels)):
        like = example(module, wanted.channels)
        with tempfile.TemporaryDirectory() as folder:
            for stepper in steppers(module, like, slots=max(wanted.rows), folder=Path(folder)):
                for rows in wanted.rows:
                    chunk = tree_map(lambda leaf, n=rows: leaf.repeat(n, 1, 1), like)
                    median, slow = tick_us(stepper, chunk, rows)
                    rows_found.append(
                        {
                            "model": type(module).__name__,
                            "step": stepper.label,
                            "rows": str(rows),
                            "tick p50 µs": median,
                            "p95 µs": slow,
                            "share of the sound's time": median / TICK_US,
                        }
                    )
    show(rows_found, title=f"Loudness, level, limiter: {wanted.channels} channels, one thread", as_json=wanted.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

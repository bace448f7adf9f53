"""`limelight bench vocoder`: what the vocoder costs on one thread of a CPU, as a share of real time.

Its step of 20 ms is measured eager and compiled, for one voice and for several in one batch, as
`limelight bench cpu` does. The compiled step comes from the server's cache; `--build` makes a missing one (minutes).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from models.streaming import Tree
from models.tts.features import BANDS, FRAMES_A_SECOND
from models.vocoder import Vocoder, load_vocoder
from streamer.ticks.stepper import EagerStepper
from tests.bench._table import show
from tests.bench.cpu import compiled, stepper, timed

__all__ = ["main"]

Row = dict[str, str | float]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="limelight bench vocoder", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 10], help="voices at once")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured")
    parser.add_argument("--build", action="store_true", help="compile what is not in the cache")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "compiled")
    wanted = parser.parse_args(argv)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.set_num_threads(1)
    with torch.inference_mode():
        rows = figures(load_vocoder().requires_grad_(False), wanted)
    show(rows, title=f"One step of 20 ms on one thread, load {os.getloadavg()[0]:.1f}", as_json=wanted.json)
    return 0


def figures(vocoder: Vocoder, wanted: argparse.Namespace) -> list[Row]:
    """Eager and compiled, for each number of voices."""
    rows: list[Row] = []
    for count in wanted.rows:
        chunk, state = features(count, vocoder.hop), settled(vocoder, count)
        works = {
            "eager": stepper(EagerStepper, vocoder, state),
            "compiled": compiled("vocoder", vocoder, features(1, vocoder.hop), state, wanted),
        }
        for runtime, work in works.items():
            if work is None:
                continue
            _, p50, p95 = timed(partial(work, chunk), wanted.seconds)
            share = p50 / count / (vocoder.hop / FRAMES_A_SECOND)
            rows.append(
                {"runtime": runtime, "voices": str(count)}
                | {"p50 ms": 1e3 * p50, "p95 ms": 1e3 * p95, "of real time a voice": share}
            )
    return rows


def features(count: int, frames: int) -> Tensor:
    """Something like a voice: `[count, 82, frames]`."""
    bands = torch.randn(count, BANDS, frames) - 4
    return torch.cat([bands, 0.1 * torch.randn(count, 1, frames), torch.ones(count, 1, frames)], 1)


def settled(vocoder: Vocoder, count: int) -> Tree:
    """A state some way into a stream."""
    state, _ = vocoder.step(vocoder.initial_state(count), features(count, 20))
    return state


if __name__ == "__main__":
    sys.exit(main())

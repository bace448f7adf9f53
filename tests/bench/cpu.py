"""`limelight bench cpu`: a model's step on one thread of a CPU, eager, compiled (AOTInductor) and by onnxruntime.

All three do the same: rows of the state gathered, stepped and put back. On a machine that is not quiet the best of many
ticks is the figure to compare. A runtime whose numbers differ from the
eager ones is refused. The compiled step comes from the server's cache; `--build` makes a missing one (minutes).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.enhance import load_enhancer
from models.streaming import StreamingModule, Tree, take, tree_leaves, tree_map
from models.stt.network import Recogniser
from models.tts.features import FEATURES
from models.vad import load_vad
from models.vocoder import load_vocoder
from streamer.ticks.compile import build, cache_key
from streamer.ticks.compiled import load
from streamer.ticks.stepper import EagerStepper
from tests.bench._table import show

__all__ = ["Work", "compiled", "main", "stepper", "timed"]

Shape = tuple[int, int, float]
"""Channels and steps of a chunk, and the seconds it lasts."""
MODELS: dict[str, tuple[Callable[[], StreamingModule], Shape]] = {
    "enhance": (load_enhancer, (1, 480, 0.01)),
    "voice activity": (load_vad, (1, 480, 0.01)),
    "captions": (lambda: Recogniser().eval(), (1, 7680, 0.16)),  # untrained weights cost the same
    "voice": (load_vocoder, (FEATURES, 2, 0.02)),
}


class Flat(nn.Module):
    """`(chunk, state leaves) -> (output, next state leaves)`: what an exporter takes."""

    def __init__(self, module: StreamingModule) -> None:
        super().__init__()
        self._module, self._like = module, module.initial_state(1)

    def forward(self, chunk: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
        leaves = iter(flat)
        state = tree_map(lambda _: next(leaves), self._like)
        new, out = self._module.step(state, chunk)
        return (*tree_leaves(out), *tree_leaves(new))


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; 1 where a runtime computes something else."""
    parser = argparse.ArgumentParser(prog="limelight bench cpu", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each figure is measured")
    parser.add_argument("--build", action="store_true", help="compile what is not in the cache")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "compiled")
    wanted = parser.parse_args(argv)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.set_num_threads(1)
    found = list[dict[str, str | float]]()
    try:
        with torch.inference_mode():
            for name in wanted.models:
                make, shape = MODELS[name]
                found += _model(name, make().requires_grad_(False), shape, wanted)
    except ArithmeticError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    title = f"One step on one thread, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}"
    show(found, title=title, as_json=wanted.json)
    return 0


def _model(
    name: str, module: StreamingModule, shape: Shape, wanted: argparse.Namespace
) -> list[dict[str, str | float]]:
    (channels, steps, hop_s), rows = shape, list[dict[str, str | float]]()
    example = torch.zeros(1, channels, steps)
    for count in wanted.rows:
        chunk = 0.1 * torch.randn(count, channels, steps)
        state = _settled(module, chunk)
        works = {
            "eager": stepper(EagerStepper, module, state),
            "compiled": compiled(name, module, example, state, wanted),
            "onnxruntime": _onnx(name, module, chunk, state),
        }
        truth, eager_s = stepper(EagerStepper, module, state)(chunk), 0.0
        for runtime, work in works.items():
            row: dict[str, str | float] = {"model": name, "rows": str(count), "runtime": runtime}
            if work is None:
                rows.append(row | dict.fromkeys(FIGURES, "-"))
                continue
            _refuse_others(f"{runtime} of {name}", work(chunk), truth)
            best, p50, p95 = timed(partial(work, chunk), wanted.seconds)
            eager_s = eager_s or best
            figures = (1e3 * best, 1e3 * p50, 1e3 * p95, best / count / hop_s, eager_s / best)
            rows.append(row | dict(zip(FIGURES, figures, strict=True)))
    return rows


FIGURES = ("best ms", "p50 ms", "p95 ms", "of real time a row", "× eager")
Work = Callable[[Tensor], Tensor]
"""A tick: rows gathered from the state, stepped, and put back."""


def _settled(module: StreamingModule, chunk: Tensor) -> Tree:
    """A state some way into a stream."""
    state = module.initial_state(len(chunk))
    for _ in range(4):
        state, _out = module.step(state, 0.1 * torch.randn_like(chunk))
    return state


def stepper(make: Callable[[StreamingModule, Tree], Any], module: StreamingModule, state: Tree) -> Work:
    """A tick on a copy of `state`, which goes on from call to call."""
    mine = tree_map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), state)
    made, slots = make(module, mine), range(tree_leaves(state)[0].shape[0])
    return lambda chunk: tree_leaves(made(slots, chunk))[0]


def compiled(
    name: str, module: StreamingModule, example: Tensor, state: Tree, wanted: argparse.Namespace
) -> Work | None:
    """The compiled tick from the cache `wanted.cache`; a missing one is made if `wanted.build`, else there is none."""
    key = cache_key(module, example)
    path = next(iter(wanted.cache.glob(f"*-{key}.pt2")), wanted.cache / f"{name}-bench-{key}.pt2")
    if not path.exists():
        if not wanted.build:
            print(f"{name}: no compiled step in {wanted.cache}; --build makes it", file=sys.stderr)
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.inference_mode(False):
            build(module, example, path)
    return stepper(load(path, module, example), module, state)


def _onnx(name: str, module: StreamingModule, chunk: Tensor, state: Tree) -> Work | None:
    import onnxruntime

    runtime: Any = onnxruntime
    flat = (chunk, *tree_leaves(take(state, torch.arange(chunk.shape[0]))))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        with tempfile.TemporaryDirectory() as folder, torch.inference_mode(False):
            path = str(Path(folder) / "step.onnx")
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):  # it talks
                logging.getLogger("torch.onnx").setLevel(logging.ERROR)
                given = tuple(leaf.clone() for leaf in flat)
                torch.onnx.export(Flat(module), given, path, dynamo=True, external_data=False)
            session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # an operator that it has not
        print(f"{name}: onnxruntime cannot: {type(error).__name__}", file=sys.stderr)
        return None
    names = [given.name for given in session.get_inputs()]
    kept, rows = [leaf.numpy().copy() for leaf in flat[1:]], np.arange(len(chunk))

    def work(fresh: Tensor) -> Tensor:
        taken = [leaf[rows] for leaf in kept]
        made = session.run(None, dict(zip(names, [fresh.numpy(), *taken], strict=True)))
        for leaf, new in zip(kept, made[1:], strict=True):
            leaf[rows] = new
        return torch.from_numpy(made[0])

    return work


def _refuse_others(what: str, got: Tensor, want: Tensor) -> None:
    apart = float((got - want).abs().max() / want.abs().max().clamp(min=1e-3))
    if not apart <= 1e-3:
        raise ArithmeticError(f"{what} is off by {apart:.2g} of the largest value")


def timed(work: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Seconds of a call: the best, the median and the 95th percentile."""
    took, until = list[float](), time.monotonic() + seconds
    for _ in range(5):
        work()
    while time.monotonic() < until or len(took) < 20:
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    p50, p95 = np.quantile(took, [0.5, 0.95])
    return min(took), float(p50), float(p95)


if __name__ == "__main__":
    sys.exit(main())

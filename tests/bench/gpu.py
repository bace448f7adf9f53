"""`limelight bench gpu`: everything that only a GPU can show, in under ten minutes, as tables and one JSON file.

Tests on the card, kernels against their bars, how many warps suit them, and the engine's captured tick against the
number of slots, with the most whose p99 stays under the hop. A part that fails or runs out of time is named, and the
others go on. Without a GPU every line runs at tiny sizes, uncaptured, in Triton's interpreter; its times mean nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.enhance import load_enhancer
from models.enhance_fused import FusedEnhancer
from models.streaming import StreamingModule, Tree, tree_leaves, tree_map
from models.stt.network import Recogniser
from models.stt.ringed import RingedRecogniser
from streamer.captured import MaskedStepper, captured, uncaptured
from tests.bench import kernels as bench
from tests.bench._table import show

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
SOUND_HZ = 48_000
COUNTS = (1, 16, 256, 1024, 4096, 8192, 12_288, 16_384, 20_480, 24_576, 32_768, 40_960, 49_152, 65_536)
TINY_COUNTS = (1, 2, 3)
Rows = list[dict[str, str | float]]


@dataclass(frozen=True, slots=True)
class Run:
    """Where and how large; `until` is when the whole must be over, by `time.monotonic`."""

    device: torch.device
    tiny: bool
    until: float

    @property
    def left_s(self) -> float:
        return self.until - time.monotonic()


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what it finds; 1 where a part failed."""
    parser = argparse.ArgumentParser(prog="limelight bench gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=9.5, help="end by then, whatever is left")
    parser.add_argument("--out", type=Path, help="folder for gpu.json")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="only these")
    wanted = parser.parse_args(argv)
    cuda = torch.cuda.is_available()
    run = Run(torch.device("cuda" if cuda else "cpu"), not cuda, time.monotonic() + 60 * wanted.minutes)
    found: dict[str, Any] = {"where": _where(run)}
    print(found["where"], flush=True)
    for name in wanted.parts:
        found[name] = _guarded(PARTS[name], run)
        if wanted.out:  # after every part: a run that is cut short leaves what it has
            wanted.out.mkdir(parents=True, exist_ok=True)
            (wanted.out / "gpu.json").write_text(json.dumps(found, indent=1))
        _print(name, found[name])
    failed = [name for name in wanted.parts if isinstance(found[name], str)]
    print(f"parts that failed: {', '.join(failed) or 'none'}; {run.left_s:.0f} s to spare")
    return 1 if failed else 0


def _guarded(part: Callable[[Run], Rows], run: Run) -> Rows | str:
    """The part's rows, or why there are none."""
    if run.left_s < 5:
        return "not run: no time left"
    try:
        with torch.no_grad():
            return part(run)
    except Exception as error:
        traceback.print_exc()
        return f"failed: {type(error).__name__}: {error}"
    finally:
        if run.device.type == "cuda":
            torch.cuda.empty_cache()


def _print(name: str, found: Rows | str) -> None:
    if isinstance(found, str):
        print(f"\n{name}: {found}", flush=True)
    elif found:
        show(found, title=name, as_json=False)
    sys.stdout.flush()


def _where(run: Run) -> dict[str, str]:
    commit = _said("git", "rev-parse", "--short", "HEAD")
    where = {"torch": torch.__version__, "triton": import_module("triton").__version__, "commit": commit}
    if run.tiny:
        return {"device": "no GPU: tiny sizes, interpreted; times mean nothing", **where}
    driver = _said("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return {"device": torch.cuda.get_device_name(), "driver": driver, **where}


def _said(*command: str) -> str:
    """What a program prints; nothing where there is no such program."""
    with suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20).stdout.strip()
    return ""


def tests(run: Run) -> Rows:
    """The kernels' tests and those marked `gpu`, in a process of their own."""
    chosen = ["tests/test_captured.py", *([] if run.tiny else ["tests/kernels"])]
    # Bare machines for computing have pytest and no plugin: what needs an event loop is left out there.
    bare = ["-W", "ignore::pytest.PytestConfigWarning", "-k", "not session"]
    options = [] if find_spec("pytest_asyncio") else bare
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *chosen]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=min(240, run.left_s))
    said = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:], file=sys.stderr)
        failures = [line for line in said if line.startswith(("FAILED", "ERROR"))]
        raise RuntimeError(f"{len(failures)} tests failed: {'; '.join(failures[:20])}")
    return [{"tests": " ".join(chosen) + (" without sessions" if options else ""), "result": _summary(said)}]


def _summary(said: Sequence[str]) -> str:
    return f"{sum(line.count('.') for line in said if line.rstrip().endswith('%]'))} passed"


def sanitizer(run: Run) -> Rows:
    """NVIDIA's checkers of memory and of races over every kernel, where they are installed."""
    program = shutil.which("compute-sanitizer")
    if program is None:
        return [{"checker": "compute-sanitizer", "result": "not on this machine"}]
    work = [sys.executable, "-m", "tests.bench.kernels", "--tiny", "--check"]
    rows: Rows = []
    for checker in ("memcheck", "racecheck"):
        command = [program, "--tool", checker, "--error-exitcode", "9", *work]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=min(120, run.left_s))
        if done.returncode:
            raise RuntimeError(f"{checker}: {done.stdout[-2000:]}{done.stderr[-500:]}")
        rows.append({"checker": checker, "result": "clean"})
    return rows


def kernels(run: Run) -> Rows:
    """Every kernel that is right, beside eager, compiled and the roof; a wrong one says so in its row."""
    roof, sizes = bench.Roof.of(run.device), bench.TINY if run.tiny else bench.REAL
    rows: Rows = [{"kernel": "copy, matrices", "GB/s": roof.bytes_s / 1e9, "TFLOP/s": roof.flops_s / 1e12}]
    _print("the card", rows)
    rows = []
    for case in bench.cases(run.device, sizes):
        reason = bench.red(case)
        if reason is not None:
            raise RuntimeError(f"no figures: {reason}")
        rows.append(bench.measured(case, roof, compiled=not run.tiny and run.left_s > 120))
        print(f"  {case.name}: {rows[-1]['ours']:.4g} µs", flush=True)
    return rows


def warps(run: Run) -> Rows:
    """Which number of warps suits the kernels that are mostly matrix products."""
    rows: Rows = []
    homes = {"analysis": "analysis", "resynthesis": "resynthesis", "recurrent blocks": "band_blocks"}
    for case in bench.cases(run.device, bench.TINY if run.tiny else bench.REAL):
        if case.name in homes:
            home = import_module(f"kernels.{homes[case.name]}")
            rows.append({"kernel": case.name, "now": str(home.WARPS), **_by_warps(case, home)})
        if case.name == "analysis":
            from_, home.GROUPED_FROM = home.GROUPED_FROM, sys.maxsize
            rows.append({"kernel": "analysis, ungrouped", "now": "", **_by_warps(case, home)})
            home.GROUPED_FROM = from_
    return rows


def _by_warps(case: bench.Case, home: Any) -> dict[str, str | float]:
    """Microseconds for each number of warps."""
    before, found = home.WARPS, {}
    try:
        for count in (1, 2, 4, 8):
            home.WARPS = count
            found[f"{count} warps"] = bench.seconds(lambda: case.kernel(*case.given)) * 1e6
    finally:
        home.WARPS = before
    return found


def engine(run: Run) -> Rows:
    """The captured tick of each model against its slots; the last row of each is the most that keep their hop."""
    rows: Rows = []
    for model in _models():
        try:
            rows += _model(model, run)
        except Exception as error:
            traceback.print_exc()
            rows.append(_row(model.name, f"failed: {type(error).__name__}"))
        if run.device.type == "cuda":
            torch.cuda.empty_cache()
    return rows


@dataclass(frozen=True, slots=True)
class Model:
    """One to measure, and the share of the time that is left that it may take."""

    name: str
    make: Callable[[], StreamingModule]
    share: float
    compiled: bool = False


def _models() -> list[Model]:
    return [
        Model("enhance, fused", lambda: FusedEnhancer(load_enhancer()), 0.3),
        Model("enhance, plain", load_enhancer, 0.4),
        Model("captions, rings", lambda: RingedRecogniser(Recogniser()).eval(), 0.4),
        Model("captions, plain", lambda: Recogniser().eval(), 0.4),
        Model("enhance, fused, compiled", lambda: FusedEnhancer(load_enhancer()), 0.9, compiled=True),
    ]


def _compile(module: StreamingModule) -> None:
    """What is left around the kernels, through `torch.compile`."""
    assert isinstance(module, FusedEnhancer)
    for part in (module.enhancer.net.encoder, module.enhancer.net.decoder):
        part.forward = torch.compile(part.forward, dynamic=True)


def _model(model: Model, run: Run) -> Rows:
    name, module = model.name, model.make().to(run.device).requires_grad_(False)
    until, hop_ms = time.monotonic() + model.share * run.left_s, 1e3 * module.hop / SOUND_HZ
    example, apart = torch.zeros(1, 1, module.hop), _off_the_cpu(module, run)
    if model.compiled and not run.tiny:
        _compile(module)
    rows, most = list[dict[str, str | float]](), 0
    for count in TINY_COUNTS if run.tiny else COUNTS:
        if time.monotonic() > until:
            rows.append(_row(name, f"{count}: no time left"))
            break
        try:
            row = _at(module, example, count, run)
        except torch.OutOfMemoryError:
            rows.append(_row(name, f"{count}: no memory left"))
            break
        rows.append({"model": name, "slots": str(count), **row})
        print(f"  {name}, {count} slots: {row['tick p99']:.3f} ms", flush=True)
        if row["tick p99"] > 4 * hop_ms:
            break
        most = count if row["tick p99"] < hop_ms else most
    return [*rows, _row(name, f"most within {hop_ms:g} ms: {most}"), _row(name, f"off the CPU's float32: {apart:.2g}")]


def _row(model: str, said: str) -> dict[str, str | float]:
    return {"model": model, "slots": said} | dict.fromkeys(("graph p50", "graph p99", "tick p50", "tick p99"), "")


def _at(module: StreamingModule, example: Tree, count: int, run: Run) -> dict[str, float]:
    """Milliseconds of the recorded work alone, and of a tick with its copies from and to the host."""
    state = tree_map(lambda leaf: leaf.to(run.device), module.initial_state(count))
    record = uncaptured if run.tiny else captured
    stepper = MaskedStepper(module, state, example=example, record=record, counts=[count])
    chunk = tree_map(lambda leaf: 0.1 * torch.randn(count, *leaf.shape[1:]), example)
    stepper(range(count), chunk)  # stages sound for all that follows
    graph, tick = (_times_ms(work, run) for work in (lambda: _waited(stepper, count), lambda: stepper.tick(count)))
    return {"graph p50": graph[0], "graph p99": graph[1], "tick p50": tick[0], "tick p99": tick[1]}


def _waited(stepper: MaskedStepper, count: int) -> None:
    stepper.replay(count)
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()


def _times_ms(work: Callable[[], None], run: Run) -> tuple[float, float]:
    """Median and 99th percentile of up to 300 runs, or of as many as 1.5 s hold."""
    took, until = list[float](), time.monotonic() + (0.05 if run.tiny else 1.5)
    work()
    while len(took) < 300 and (time.monotonic() < until or len(took) < 3):
        begin = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - begin))
    p50, p99 = np.quantile(took, [0.5, 0.99])
    return float(p50), float(p99)


def _off_the_cpu(module: StreamingModule, run: Run) -> float:
    """The largest difference of twenty steps here from the offline truth on a CPU, as a share of its largest value."""
    hops = 4 if run.tiny else 20
    x = _buzz(hops * module.hop)
    state: Tree = tree_map(lambda leaf: leaf.to(run.device), module.initial_state(2))
    made = []
    for chunk in x.to(run.device).split(module.hop, -1):
        state, out = module.step(state, chunk)
        made.append(tree_leaves(out)[0])
    stream = torch.cat(made, -1)[..., module.delay :].cpu()
    truth = tree_leaves(module.cpu()(x))[0][..., : stream.shape[-1]]
    module.to(run.device)
    return float((stream - truth).abs().max() / truth.abs().max())


def _buzz(steps: int) -> torch.Tensor:
    """A voiced sound in a little noise, at two levels, `[2, 1, T]`: the models pass most of it on."""
    t, draw = torch.arange(steps) / SOUND_HZ, torch.Generator().manual_seed(0)
    tones = sum(torch.sin(2 * torch.pi * 140 * k * t) / k for k in range(1, 25))
    assert isinstance(tones, torch.Tensor)
    return torch.stack([0.1 * tones, 0.02 * tones])[:, None] + 0.001 * torch.randn(2, 1, steps, generator=draw)


PARTS: dict[str, Callable[[Run], Rows]] = {
    "tests": tests,
    "kernels": kernels,
    "warps": warps,
    "engine": engine,
    "sanitizer": sanitizer,
}

if __name__ == "__main__":
    sys.exit(main())

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
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from tests.bench import kernels as bench
from tests.bench._table import show
from tests.bench._ticks import Rows, Run, engine

__all__ = ["main"]

ROOT = Path(__file__).parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what it finds; 1 where a part failed."""
    parser = argparse.ArgumentParser(prog="limelight bench gpu", description=__doc__)
    parser.add_argument("--minutes", type=float, default=9.5, help="end by then, whatever is left")
    parser.add_argument("--out", type=Path, help="folder for gpu.json")
    parser.add_argument("--packs", type=Path, help="folder of the recordings: for what bfloat16 costs in quality")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="only these")
    wanted = parser.parse_args(argv)
    cuda = torch.cuda.is_available()
    run = Run(torch.device("cuda" if cuda else "cpu"), not cuda, time.monotonic() + 60 * wanted.minutes, wanted.packs)
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
    chosen = ["tests/ticks/test_captured.py", *([] if run.tiny else ["tests/kernels"])]
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


def quality(run: Run) -> Rows:
    """What bfloat16 costs on this device, where there are recordings and what judges them."""
    if run.packs is None or not all(map(find_spec, ("pesq", "scipy"))):
        return [{"quality": "not judged here: it takes --packs, pesq and scipy; see limelight bench half"}]
    half = import_module("tests.bench.half")
    rows: Rows = half.measure(half.Told(run.packs, run.packs / "cache", 4 if run.tiny else 8, run.device))
    if lost := [str(row[""]) for row in rows if row["holds"] == "NO"]:
        raise RuntimeError(f"bfloat16 does not hold for {', '.join(lost)}")
    return rows


def crossover(run: Run) -> Rows:
    """Both ends of the spectrum by matrix products (ours) and by cuFFT (the reference), against the sessions."""
    rows: Rows = []
    for sessions in (2,) if run.tiny else (1, 64, 1024, 8192, 65_536):
        sizes = replace(bench.TINY, sound=sessions)
        for case in bench.cases(run.device, sizes):
            if case.name in ("analysis", "resynthesis"):
                forms = {"products": case.kernel, "FFT": case.reference}
                times = {
                    f"{name} µs": 1e6 * bench.seconds(lambda form=form, given=case.given: form(*given))
                    for name, form in forms.items()
                }
                rows.append({"kernel": case.name, "sessions": str(sessions), **times})
    return rows


def warps(run: Run) -> Rows:
    """Which number of warps suits the kernels that are mostly matrix products."""
    rows: Rows = []
    homes = {"analysis": "analysis", "resynthesis": "resynthesis", "recurrent blocks": "band_blocks"}
    homes["ring attention, float32"] = "ring_attention"
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


PARTS: dict[str, Callable[[Run], Rows]] = {
    "tests": tests,
    "kernels": kernels,
    "crossover": crossover,
    "warps": warps,
    "quality": quality,
    "sanitizer": sanitizer,
    "engine": engine,
}

if __name__ == "__main__":
    sys.exit(main())

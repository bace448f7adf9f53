"""How soon `limelight` answers its first page, is ready, and runs compiled steps; cold and warm cache."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
LIMIT_S = 900.0


def _get(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def _wait(begin: float, done: Callable[[], bool]) -> float:
    while not done():
        if time.monotonic() - begin > LIMIT_S:
            raise TimeoutError("the server did not get that far")
        time.sleep(0.02)
    return time.monotonic() - begin


def _compiled(url: str) -> bool:
    lines = [line for line in (_get(url + "metrics") or "").splitlines() if line.startswith("limelight_compiled{")]
    return bool(lines) and all(line.endswith(" 1.0") for line in lines)


def measure(port: int, cache: str) -> dict[str, float]:
    """Seconds from starting the process to each of the three."""
    url = f"http://127.0.0.1:{port}/"
    begin = time.monotonic()
    code = f"import server; server.main({['--port', str(port), '--cache', cache, '--log-level', 'error']!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        return {
            "first_page_s": _wait(begin, lambda: _get(url) is not None),
            "ready_s": _wait(begin, lambda: _get(url + "readyz") is not None),
            "compiled_s": _wait(begin, lambda: _compiled(url)),
        }
    finally:
        process.terminate()
        process.wait(20)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench start", description=__doc__)
    parser.add_argument("--port", type=int, default=8193)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as cache:
        found = {"cold": measure(given.port, cache), "warm": measure(given.port, cache)}
    if given.json:
        print(json.dumps(found))
        return 0
    table = Table("cache", "first page s", "ready s", "compiled s", title="From starting the process")
    for kind, row in found.items():
        table.add_row(kind, *(f"{row[key]:.1f}" for key in ("first_page_s", "ready_s", "compiled_s")))
    Console().print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

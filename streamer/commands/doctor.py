"""`limelight doctor`: whether this machine has what Limelight needs, and what to do where it has not: told and printed.

What is looked at is in `looks.py`; a look that fails is a finding too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from streamer.commands import looks
from streamer.commands.looks import Check, Status

__all__ = ["Check", "DoctorOptions", "Status", "add_arguments", "examine", "options_from", "run"]


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """Where to look. `weights`: the folder of the models' weights."""

    cache: Path
    weights: Path
    host: str = "127.0.0.1"
    port: int = 8080
    as_json: bool = False


def examine(options: DoctorOptions) -> list[Check]:
    """Look at everything."""
    all_looks: tuple[Callable[[], Iterator[Check]], ...] = (
        looks.python,
        looks.packages,
        looks.processor,
        looks.gpu,
        looks.drawing,
        looks.codecs,
        looks.compiler,
        lambda: looks.cache(options.cache),
        lambda: looks.ports(options.host, options.port),
        lambda: looks.weights(options.weights),
    )
    return [check for look in all_looks for check in _safely(look)]


def _safely(look: Callable[[], Iterator[Check]]) -> list[Check]:
    """A look that fails is a finding too, and must not hide the others."""
    try:
        return list(look())
    except Exception as error:
        name = getattr(look, "__name__", "check")
        return [Check(name, Status.FAIL, f"{type(error).__name__}: {error}", "please report this")]


def add_arguments(parser: argparse.ArgumentParser, *, cache: Path) -> None:
    """The arguments of `limelight doctor`."""
    parser.add_argument("--json", action="store_true", help="the findings as JSON, for programs")
    parser.add_argument("--host", default="127.0.0.1", help="address that the server shall listen on")
    parser.add_argument("--port", type=int, default=8080, help="its TCP port")
    parser.add_argument("--cache", type=Path, default=cache, help="folder for compiled models (env LIMELIGHT_CACHE)")


def options_from(given: argparse.Namespace, *, weights: Path) -> DoctorOptions:
    """The options in what argparse made of the command line."""
    return DoctorOptions(cache=given.cache, weights=weights, host=given.host, port=given.port, as_json=given.json)


def run(options: DoctorOptions) -> int:
    """Look, print, and return the exit status: 1 if anything fails."""
    checks = examine(options)
    if options.as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    return int(any(check.status is Status.FAIL for check in checks))


def _print(checks: Sequence[Check]) -> None:
    colours = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        words = check.found + (f"\n→ {check.advice}" if check.advice else "")
        table.add_row(f"[{colours[check.status]}]{check.status}[/]", check.name, _escaped(words))
    Console(soft_wrap=False).print(table)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")

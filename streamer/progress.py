"""How far a long job over a file or a download is, on standard error: a bar for a person, lines now and then for a log.

Knows nothing of files, media or networks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["Step", "as_time", "downloads", "shown"]

LINE_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """How far we are, in seconds of media; `total_s` is what was promised, if anything."""

    done_s: float
    total_s: float | None
    elapsed_s: float

    @property
    def speed(self) -> float:
        """Seconds of media per second."""
        return self.done_s / self.elapsed_s if self.elapsed_s > 0 else 0.0


@contextmanager
def shown(title: str) -> Iterator[Callable[[Step], None]]:
    """Something to tell the steps to, which shows them until the context ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        TextColumn("{task.fields[speed]}× real time"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(_plain(title), total=None, speed="…")
        yield lambda step: bar.update(task, completed=step.done_s, total=step.total_s, speed=f"{step.speed:.1f}")


@contextmanager
def downloads() -> Iterator[Callable[[str], Callable[[int, int | None], None]]]:
    """What makes, for the name of a file, something to tell the bytes that are here and the bytes there will be."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda name: _Announced(name)
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console) as bar:

        def begun(name: str) -> Callable[[int, int | None], None]:
            task = bar.add_task(_plain(name), total=None)
            return lambda here, whole: bar.update(task, completed=here, total=whole)

        yield begun


class _Announced:
    """One line when the first bytes come."""

    def __init__(self, name: str) -> None:
        self._name, self._said = name, False

    def __call__(self, here: int, whole: int | None) -> None:
        if not self._said:
            size = f" ({whole / 1e6:.0f} MB)" if whole else ""
            print(f"downloading {self._name}{size}", file=sys.stderr, flush=True)
        self._said = True


class _Lines:
    """A line every ten seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._next_s = LINE_EVERY_S

    def __call__(self, step: Step) -> None:
        if step.elapsed_s < self._next_s:
            return
        self._next_s = step.elapsed_s + LINE_EVERY_S
        total = f" of {as_time(step.total_s)}" if step.total_s else ""
        print(f"{self._title}: {as_time(step.done_s)}{total}, {step.speed:.1f}× real time", file=sys.stderr, flush=True)


def as_time(seconds: float) -> str:
    """1:02:03."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _plain(text: str) -> str:
    # A file called "[red]" is no markup.
    return Text(text).markup

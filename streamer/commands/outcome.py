"""What the commands over files share: carried out to the end or not at all, told on standard error, an exit status.

Knows nothing of what a command does.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from streamer.frame import FormatError
from streamer.settings import SettingsError

__all__ = ["Outcome", "carry_out"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has done, in words."""

    summary: str
    warnings: tuple[str, ...] = ()


def carry_out(work: Callable[[], Coroutine[Any, Any, Outcome]], *, quiet: bool) -> int:
    """Do it; returns the exit status. Ctrl-C and SIGTERM cancel it."""
    try:
        outcome = asyncio.run(_cancellable(work))
    except (FormatError, SettingsError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("limelight: stopped; nothing was written", file=sys.stderr)
        return 130
    for warning in outcome.warnings:
        print(f"limelight: {warning}", file=sys.stderr)
    if not quiet:
        print(outcome.summary, file=sys.stderr)
    return 0


async def _cancellable(work: Callable[[], Coroutine[Any, Any, Outcome]]) -> Outcome:
    task = asyncio.current_task()
    assert task is not None
    # As for Ctrl-C: the half-written file goes away first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work()

"""Work of variable length, off the event loop: one thread of low priority that all sessions of a server share.

A job is a few milliseconds to some tens: the reading of some text, a clause's acoustics. Each stream of speech waits
for its own job before it asks for the next, so turns are fair and no more wait than there are streams. Not for ticks.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import torch

__all__ = ["Jobs"]

T = TypeVar("T")
NICENESS = 10  # live hops and packets come first where cores are short
PATIENCE_S = 20.0


class Jobs:
    """A thread named `name`, from the first job until `close`."""

    def __init__(self, name: str, *, patience_s: float = PATIENCE_S) -> None:
        self._thread = ThreadPoolExecutor(1, name, initializer=_humble)
        self._patience_s = patience_s

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises, after the jobs asked for before. Cancelled before its turn, it is not begun.

        Raises:
            TimeoutError: no result within the patience.
        """
        async with asyncio.timeout(self._patience_s):
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Begin no more jobs. Idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _humble() -> None:
    torch.set_num_threads(1)
    if sys.platform == "linux":  # elsewhere a niceness is the whole process's
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)

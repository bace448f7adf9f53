"""The session's end of the anchor's process (`streamer/stages/puppet.py`): started, told, asked, and ended with it.

One question at a time. Knows pipes and messages; not what the anchor says or when.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from streamer.stages.moments import HEADER, Answer, body_length, unpacked

__all__ = ["PuppetGone", "Puppeteer", "puppet"]

PATIENCE_S = 15.0  # the first picture waits for the process to load
LARGEST = 8 << 20  # of what waits in the pipe's reader: a whole picture, or it would be read by crumbs
PUPPET = "streamer.stages.puppet"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class PuppetGone(Exception):
    """The process has ended or does not answer; another one may be started."""


class Puppeteer:
    """See the module; made by `puppet`."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._given, self._made = process.stdin, process.stdout

    def tell(self, message: dict[str, Any]) -> None:
        """Something that asks for no answer."""
        if self._given.is_closing():
            raise PuppetGone("the anchor's process has ended")
        self._given.write(json.dumps(message).encode() + b"\n")

    async def ask(self, message: dict[str, Any]) -> Answer:
        """What ends with `pose` or `draw` and a time.

        Raises:
            PuppetGone: no answer.
        """
        self.tell(message)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._given.drain()
                header = await self._made.readexactly(HEADER)
                return unpacked(header, await self._made.readexactly(body_length(header)))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            raise PuppetGone(f"the anchor's process does not answer: {error}") from error


@asynccontextmanager
async def puppet() -> AsyncIterator[Puppeteer]:
    """A process for as long as the context."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", PUPPET]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment, limit=LARGEST)
    try:
        yield Puppeteer(process)
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    """It has nothing to save; what matters is that it is gone."""
    assert process.stdin is not None
    process.stdin.close()
    with suppress(ProcessLookupError):
        process.kill()
    await asyncio.shield(process.wait())

"""Small things that the transports' tasks are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

__all__ = ["Alarm", "OwnedTask"]

LATE_S = 0.005
TURNS = 64  # of the loop: a datagram takes about four from the socket to its track


class Alarm:
    """Sleeps until something happens or a time comes."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, due: float | None) -> None:
        """Until `ring`, or until the monotonic time `due`.

        A loop that was busy wakes late: then what has waited in the sockets meanwhile is taken in first, so that it is
        not given up for lost.
        """
        try:
            async with asyncio.timeout_at(due):
                await self._rung.wait()
        except TimeoutError:
            if due is not None and asyncio.get_running_loop().time() > due + LATE_S:
                for _ in range(TURNS):
                    await asyncio.sleep(0)
        self._rung.clear()


class OwnedTask:
    """A task that is started here and ended here."""

    def __init__(self, work: Awaitable[None]) -> None:
        self.ended = asyncio.Event()
        self._task = asyncio.ensure_future(work)
        self._task.add_done_callback(lambda _: self.ended.set())

    @property
    def running(self) -> bool:
        return not self._task.done()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

"""All sessions of a server: made by their first publisher, found by name, closed when nobody is attached.

The owner of the session tasks is `Sessions.run`, one task group for the life of the server.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

from streamer.channel import Closed
from streamer.frame import SOUND_HZ, FormatError
from streamer.session import Session

__all__ = ["Full", "NotFound", "Sessions"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SWEEP_S = 1.0

log = logging.getLogger(__name__)


class Full(Exception):
    """No room for another session now; try again later."""


class NotFound(Exception):
    """No session of that name."""


class Sessions:
    """`make(name, channels)` builds a session and raises `EngineFull` when a model has no free slot."""

    def __init__(self, make: Callable[[str, int], Session], *, capacity: int, idle_s: float, longest_s: float) -> None:
        self.capacity, self.draining = capacity, False
        self._make, self._idle_s, self._longest_s = make, idle_s, longest_s
        self._sessions: dict[str, Session] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def queued_seconds(self) -> float:
        """Sound that waits for the models, over all sessions."""
        publishers = [session.publisher for session in self if session.publisher is not None]
        return sum(publisher.sound.load for publisher in publishers) / SOUND_HZ

    def find(self, name: str) -> Session:
        """The session of that name.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._sessions[name]
        except KeyError:
            raise NotFound(f"no session {name!r}: it begins when somebody publishes to it") from None

    async def open(self, name: str, *, channels: int) -> Session:
        """The session of that name, made now if there is none; it is running when this returns.

        Raises:
            FormatError: not a name.
            Full: as many sessions as the server takes, or it is shutting down.
        """
        if not NAME.fullmatch(name):
            raise FormatError("a session name is 1 to 64 letters, digits, '-' or '_'")
        if name in self._sessions:
            return self._sessions[name]
        if self.draining or self._tasks is None:
            raise Full("the server is shutting down")
        if len(self._sessions) >= self.capacity:
            raise Full(f"all {self.capacity} sessions of this server are in use; try again soon")
        session = self._sessions[name] = self._make(name, channels)
        self._empty.clear()
        self._runs[name] = self._tasks.create_task(self._run(session), name=f"session:{name}")
        await session.ready.wait()
        return session

    async def discard(self, session: Session, reason: str) -> None:
        """Close a session and wait until it is gone."""
        run = self._runs.get(session.name)
        await session.close(reason)
        if run is not None:
            await asyncio.wait([run])

    async def run(self) -> None:
        """Own every session until cancelled; closes the idle and the overlong."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await asyncio.sleep(SWEEP_S)
                await self._sweep()

    async def drain(self, limit_s: float) -> None:
        """Take no more, say goodbye to all and wait, at most `limit_s`, until they are gone."""
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                for session in self:
                    await session.close("the server is shutting down")
                await self._empty.wait()

    async def _run(self, session: Session) -> None:
        log.info("session opened", extra={"session": session.name})
        try:
            await session.run()
        except* Closed:
            pass
        except* Exception:
            # One broken session ends alone: the others share this task group.
            log.exception("session failed", extra={"session": session.name})
        finally:
            del self._sessions[session.name], self._runs[session.name]
            if not self._sessions:
                self._empty.set()
            log.info("session closed", extra={"session": session.name})

    async def _sweep(self) -> None:
        for session in self:
            idle = session.idle_since is not None and session.now() - session.idle_since > self._idle_s
            if idle or session.time_s > self._longest_s:
                await session.close("nobody is attached" if idle else "the longest session time is reached")

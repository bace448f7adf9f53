"""Passes: work that steps several models one after the other, carried through on the device's thread in one hand-over.

A pass is a coroutine that awaits `Ask`s and nothing else: no event loop runs it. In each turn the thread takes the
engine that the oldest pass asks for, steps every pass that asks for the same one in one batch, and lets each run on to
its next ask. Nothing here knows what an engine does with an ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

__all__ = ["PATIENCE_S", "Ask", "Pass", "Passes", "Run", "Stepped", "here"]

T = TypeVar("T")
PATIENCE_S = 5.0

Pass: TypeAlias = Coroutine["Ask[Any]", Any, T]
Run: TypeAlias = Callable[[Pass[T]], Awaitable[T]]
"""Carries a pass through: `Passes.run`, or `here` where nothing in it asks for an engine."""


async def here(work: Pass[T]) -> T:
    """Run a pass that asks for nothing as the coroutine that it is."""
    return await work


class Stepped(Protocol):
    """What steps asks together, on the device's thread: an engine."""

    def together(self, asks: Sequence[Any]) -> Sequence[object]:
        """A result for each; an exception among them is raised where that one is awaited. Must not raise."""
        ...


class Ask(Generic[T]):
    """One step of one slot; awaited in a pass, it gives the result. `of` is the engine."""

    def __init__(self, of: Stepped) -> None:
        self.of = of

    def __await__(self) -> Generator[Ask[T], T, T]:
        return (yield self)


class _Under:
    """A pass under way, and who waits for it on the event loop."""

    def __init__(self, work: Pass[Any], future: asyncio.Future[Any]) -> None:
        self.future = future
        self.ask: Ask[Any] | None = None
        self.result: object = None
        self.error: Exception | None = None
        self._work = work

    def run_on(self, result: object = None) -> None:
        """To its next ask, or to its end."""
        self.ask = None
        try:
            self.ask = self._work.throw(result) if isinstance(result, Exception) else self._work.send(result)
        except StopIteration as end:
            self.result = end.value
        except Exception as error:
            self.error = error

    def abandon(self) -> None:
        self._work.close()

    def tell(self) -> None:
        """On the event loop: nobody may wait any more."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Passes:
    """The passes of one device; `call` puts work on its thread."""

    def __init__(self, call: Callable[[Callable[[], None]], None]) -> None:
        self._call = call
        self._waiting: list[_Under] = []  # the thread's alone
        self._lock = Lock()  # for what follows: shared by event loops and the thread
        self._fresh: list[_Under] = []
        self._asked = False

    async def run(self, work: Pass[T], *, patience_s: float = PATIENCE_S) -> T:
        """Carry `work` through and give what it returns, or raise what it raises.

        One that is cancelled here, or too slow, goes no further than its next ask.

        Raises:
            TimeoutError: not done within `patience_s`.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._fresh.append(_Under(work, future))
            asked, self._asked = self._asked, True
        if not asked:
            self._call(self._turn)
        async with asyncio.timeout(patience_s):
            return await future

    def _turn(self) -> None:
        """One batch of one engine; then whatever else waits for the thread has its turn."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        begun = [each for each in fresh if not self._left(each)]
        for each in begun:
            each.run_on()
        self._waiting = [each for each in self._waiting if not self._left(each)] + begun
        self._step()
        self._deliver([each for each in self._waiting if each.ask is None])
        self._waiting = [each for each in self._waiting if each.ask is not None]
        with self._lock:
            self._asked = bool(self._waiting or self._fresh)
            again = self._asked
        if again:
            self._call(self._turn)

    def _left(self, each: _Under) -> bool:
        """Whether its waiter has left: then so does the pass."""
        if each.future.done():
            each.abandon()
            return True
        return False

    def _step(self) -> None:
        asking = [(each, each.ask) for each in self._waiting if each.ask is not None]
        if not asking:
            return
        engine = asking[0][1].of
        batch = [(each, ask) for each, ask in asking if ask.of is engine]
        results = engine.together([ask for _, ask in batch])
        for (each, _), result in zip(batch, results, strict=True):
            each.run_on(result)

    def _deliver(self, ended: Sequence[_Under]) -> None:
        if not ended:
            return
        with suppress(RuntimeError):  # the loop closed: nobody waits any more
            ended[0].future.get_loop().call_soon_threadsafe(_tell, ended)


def _tell(ended: Sequence[_Under]) -> None:
    for each in ended:
        each.tell()

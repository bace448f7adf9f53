"""The worker thread of one device: it runs the ticks of every engine there, one at a time, in the order asked.

It knows nothing of models or slots; it only calls, and has the passes that run there. One thread a device, because
two ticks at once on the same cores only make both late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

import torch

from streamer.ticks.passes import Passes

__all__ = ["Device"]

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Device:
    """A thread for `place`, and its `passes`, which have at most one turn waiting here."""

    def __init__(self, place: str = "cpu", *, threads: int = 1) -> None:
        self.place = torch.device(place)
        self._threads = threads
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.passes = Passes(self.call)
        self._thread = Thread(target=self._work, name=f"device-{place}", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], None]) -> None:
        """Run `work` on the thread after what is already waiting; it must not raise."""
        self._calls.put(work)

    def run(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the thread and wait for its result. Blocks: for set-up, never from the event loop."""
        future: Future[Result] = Future()
        self.call(lambda: _settle(future, work))
        return future.result()

    def close(self) -> None:
        """Finish what is waiting, then end the thread. Idempotent."""
        self._calls.put(None)
        self._thread.join(timeout=10.0)

    def _work(self) -> None:
        # One core a device: at a few rows, splitting an op over threads costs more than it saves, and it wobbles.
        torch.set_num_threads(self._threads)
        if self.place.type == "cuda":
            torch.cuda.set_device(self.place)
            torch.cuda.set_stream(torch.cuda.Stream(self.place))  # waiting here waits for nobody else's work
        with torch.inference_mode():
            while (work := self._calls.get()) is not None:
                try:
                    work()
                except Exception:
                    logger.exception("%s: a call raised", self.place)


def _settle(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)

"""Standard input and output as files that libav can use and that let go when the run is cancelled.

Neither ever waits for longer than a moment without looking whether it is still wanted, so that a thread which reads or
writes can always be joined. Neither can be sought in, even where it is redirected to a file: what goes there streams.
"""

from __future__ import annotations

import io
import os
import select
import threading

__all__ = ["PipeIn", "PipeOut"]

POLL_S = 0.2


class PipeIn(io.RawIOBase):
    """Reads a descriptor; after `stop` a read that waits ends, as if the pipe had."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._stopped.is_set():
            if select.select([self._descriptor], [], [], POLL_S)[0]:
                return os.read(self._descriptor, size)
        return b""


class PipeOut(io.RawIOBase):
    """Writes all of each part to a descriptor, which it closes at the end if it is `owned`.

    Raises:
        BrokenPipeError: the reader has gone, or `stop` was called.
    """

    def __init__(self, descriptor: int = 1, *, owned: bool = False) -> None:
        self._descriptor, self._owned = descriptor, owned
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        if self._owned and not self.closed:
            os.close(self._descriptor)
        super().close()

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        rest = memoryview(part)  # type: ignore[arg-type]  # whatever libav hands over is a buffer
        size = len(rest)
        while rest:
            if self._stopped.is_set():
                raise BrokenPipeError
            if select.select([], [self._descriptor], [], POLL_S)[1]:
                # A pipe that is ready takes this much without blocking (POSIX).
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
        return size

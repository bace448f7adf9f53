"""How many may be served at once by a door that makes work; the next one is told when to come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streamer.sessions import Full

__all__ = ["Places"]


class Places:
    """`count` of them; `what` is said of them in a refusal."""

    def __init__(self, count: int, what: str) -> None:
        self._count, self._free, self._what = count, count, what

    def take(self) -> None:
        """Raises `Full`."""
        if not self._free:
            raise Full(f"{self._count} {self._what}, as many as are taken at once; try again soon")
        self._free -= 1

    def give_back(self) -> None:
        self._free += 1

    @contextmanager
    def one(self) -> Iterator[None]:
        self.take()
        try:
            yield
        finally:
            self.give_back()

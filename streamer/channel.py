"""Bounded channels between tasks: each has a capacity and says what happens when it is full.

One event loop, many producers, one consumer. Knows nothing about media beyond a weight function.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["Broadcast", "Channel", "Closed", "Overflow"]

T = TypeVar("T")


class Closed(Exception):
    """The other side has gone; nothing more will come."""


class Overflow(Enum):
    """What a full channel does with a new item."""

    WAIT = "the producer waits"
    DROP_OLDEST = "the oldest items go, counted"


class Channel(Generic[T]):
    """A queue of at most `capacity` units (items, unless `weight` says otherwise); at least one item always fits."""

    def __init__(self, capacity: int, overflow: Overflow, *, weight: Callable[[T], int] = lambda _: 1) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        self.capacity, self.overflow, self.dropped = capacity, overflow, 0
        self._weight, self._load = weight, 0
        self._items: deque[T] = deque()
        self._told = 0
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def load(self) -> int:
        """Units held now."""
        return self._load

    @property
    def closed(self) -> bool:
        return self._closed

    def offer(self, item: T) -> int:
        """Put without waiting, dropping the oldest to make room; returns how many were dropped.

        Raises:
            Closed: the channel is closed.
        """
        if self._closed:
            raise Closed
        dropped = 0
        while self._items and self._load + self._weight(item) > self.capacity:
            self._pop()
            dropped += 1
        self._push(item)
        self.dropped += dropped
        return dropped

    async def put(self, item: T) -> None:
        """Put by the channel's policy.

        Raises:
            Closed: the channel is closed, also while waiting.
        """
        if self.overflow is Overflow.WAIT:
            while not self._closed and self._items and self._load + self._weight(item) > self.capacity:
                await self._wait()
        self.offer(item)

    async def room(self) -> None:
        """Wait until another item goes in without anything dropped, or the channel is closed."""
        while not self._closed and self._items and self._load >= self.capacity:
            await self._wait()

    async def get(self) -> T:
        """The next item.

        Raises:
            Closed: the channel is closed and drained.
        """
        while not self._items:
            if self._closed:
                raise Closed
            await self._wait()
        return self._pop()

    def get_nowait(self) -> T | None:
        """The next item, or None."""
        return self._pop() if self._items else None

    def drain(self) -> list[T]:
        """All that is held now."""
        return [self._pop() for _ in range(len(self._items))]

    def take_dropped(self) -> int:
        """How many were dropped since this was last asked."""
        count, self._told = self.dropped - self._told, self.dropped
        return count

    def close(self) -> None:
        """No more items; what is held can still be got. Idempotent."""
        self._closed = True
        self._signal()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                item = await self.get()
            except Closed:
                return
            yield item

    def _push(self, item: T) -> None:
        self._items.append(item)
        self._load += self._weight(item)
        self._signal()

    def _pop(self) -> T:
        item = self._items.popleft()
        self._load -= self._weight(item)
        self._signal()
        return item

    async def _wait(self) -> None:
        await self._changed.wait()

    def _signal(self) -> None:
        # Wake every waiter once; a fresh event makes the next wait a new one.
        self._changed.set()
        self._changed = asyncio.Event()


class Broadcast(Generic[T]):
    """One producer, many bounded subscribers; what a slow one costs is its own policy's business."""

    def __init__(self) -> None:
        self._subscribers: list[Channel[T]] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._subscribers)

    def subscribe(
        self, capacity: int, *, weight: Callable[[T], int] = lambda _: 1, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> Channel[T]:
        """A new channel that gets every item published from now on; close it to unsubscribe."""
        channel = Channel(capacity, overflow, weight=weight)
        self._subscribers.append(channel)
        if self._closed:
            channel.close()
        return channel

    def publish(self, item: T) -> None:
        """Hand `item` to every open subscriber without waiting: full channels drop their oldest."""
        for channel in self._open():
            channel.offer(item)

    async def put(self, item: T) -> None:
        """Hand `item` to every open subscriber, by each one's policy."""
        for channel in self._open():
            with suppress(Closed):
                await channel.put(item)

    def _open(self) -> list[Channel[T]]:
        self._subscribers = [channel for channel in self._subscribers if not channel.closed]
        return self._subscribers

    def close(self) -> None:
        """Close every subscriber's channel."""
        self._closed = True
        for channel in self._subscribers:
            channel.close()

"""What one viewer gets: nothing stale, nothing that cannot be decoded."""

from __future__ import annotations

import asyncio

import pytest

from streamer.channel import Channel, Closed, Overflow
from streamer.transports.codecs import Encoded
from streamer.transports.send import ViewerQueue


def packet(number: int, *, key: bool = False) -> Encoded:
    return Encoded(bytes([number]), number, 1, key)


@pytest.fixture
def source() -> Channel[Encoded]:
    return Channel(3, Overflow.DROP_OLDEST)


async def test_what_was_queued_before_the_connection_stood_is_left_out(source: Channel[Encoded]) -> None:
    asked: list[bool] = []
    queue = ViewerQueue(source, lambda: asked.append(True))
    source.offer(packet(1, key=True))
    source.offer(packet(2))
    first = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert asked == [True], "the key picture has gone with the rest"
    source.offer(packet(3, key=True))
    assert (await first).pts == 3


async def test_nothing_between_a_drop_and_the_next_key_picture(source: Channel[Encoded]) -> None:
    asked: list[bool] = []
    queue = ViewerQueue(source, lambda: asked.append(True))
    first = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    source.offer(packet(0))
    source.offer(packet(1, key=True))
    assert (await first).pts == 1
    assert (queue.skipped, asked) == (1, [True])
    for number in range(2, 6):  # one more than there is room for
        source.offer(packet(number, key=number == 5))
    assert (await queue.get()).pts == 5
    assert queue.skipped == 3
    queue.close()
    with pytest.raises(Closed):
        await queue.get()

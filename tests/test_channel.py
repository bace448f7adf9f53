"""Channels: bounded always, and each policy does what it says."""

import asyncio

import pytest

from streamer.channel import Broadcast, Channel, Closed, Overflow


async def test_wait_holds_the_producer_until_there_is_room():
    channel: Channel[int] = Channel(2, Overflow.WAIT)
    await channel.put(1)
    await channel.put(2)
    late = asyncio.create_task(channel.put(3))
    await asyncio.sleep(0)
    assert not late.done()
    assert await channel.get() == 1
    await asyncio.wait_for(late, 1)
    assert [await channel.get(), await channel.get()] == [2, 3]
    assert channel.dropped == 0


async def test_drop_oldest_keeps_the_newest_and_counts():
    channel: Channel[int] = Channel(2, Overflow.DROP_OLDEST)
    for item in range(5):
        await channel.put(item)
    assert [channel.get_nowait(), channel.get_nowait(), channel.get_nowait()] == [3, 4, None]
    assert (channel.dropped, channel.take_dropped(), channel.take_dropped()) == (3, 3, 0)


async def test_capacity_is_in_units_of_weight():
    channel: Channel[str] = Channel(5, Overflow.DROP_OLDEST, weight=len)
    channel.offer("abc")
    channel.offer("de")
    assert channel.load == 5
    channel.offer("f")
    assert (channel.load, await channel.get()) == (3, "de")
    channel.offer("longer than all")
    assert await channel.get() == "longer than all"  # one item always fits


async def test_close_lets_what_is_held_out_and_wakes_everybody():
    channel: Channel[int] = Channel(1, Overflow.WAIT)
    await channel.put(1)
    waiting = asyncio.create_task(channel.put(2))
    await asyncio.sleep(0)
    channel.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(waiting, 1)
    assert [item async for item in channel] == [1]
    with pytest.raises(Closed):
        channel.offer(3)


async def test_a_waiting_consumer_hears_of_the_close():
    channel: Channel[int] = Channel(1, Overflow.WAIT)
    consumer = asyncio.create_task(channel.get())
    await asyncio.sleep(0)
    channel.close()
    with pytest.raises(Closed):
        await asyncio.wait_for(consumer, 1)


def test_a_channel_without_room_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Channel(0, Overflow.WAIT)


async def test_a_slow_subscriber_loses_only_its_own():
    source: Broadcast[int] = Broadcast()
    slow, fast = source.subscribe(1), source.subscribe(10)
    for item in range(3):
        source.publish(item)
    assert (slow.get_nowait(), slow.dropped) == (2, 2)
    assert [fast.get_nowait() for _ in range(3)] == [0, 1, 2]


async def test_broadcast_forgets_who_left_and_closes_the_rest():
    source: Broadcast[int] = Broadcast()
    gone, stays = source.subscribe(1), source.subscribe(1)
    gone.close()
    source.publish(1)
    assert len(source) == 1
    source.close()
    assert [item async for item in stays] == [1]
    assert source.subscribe(1).closed


async def test_put_waits_for_a_subscriber_that_asked_for_it():
    source: Broadcast[int] = Broadcast()
    channel = source.subscribe(1, overflow=Overflow.WAIT)
    await source.put(1)
    late = asyncio.create_task(source.put(2))
    await asyncio.sleep(0)
    assert not late.done()
    channel.close()  # leaving lets the producer go on
    await asyncio.wait_for(late, 1)

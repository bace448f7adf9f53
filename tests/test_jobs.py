"""Jobs: in turn, on one humble thread, none begun that nobody waits for."""

import asyncio
import os
import sys
import threading
import time

import pytest

from streamer.jobs import NICENESS, Jobs


@pytest.fixture
def jobs():
    jobs = Jobs("test", patience_s=5.0)
    yield jobs
    jobs.close()


async def test_streams_take_turns_and_the_loop_goes_on(jobs):
    done = []

    async def stream(name):
        for _ in range(3):
            await jobs.run(lambda: done.append(name) or time.sleep(0.005))

    await asyncio.gather(stream("a"), stream("b"))
    assert done == ["a", "b"] * 3


async def test_it_runs_on_a_thread_of_low_priority(jobs):
    thread = await jobs.run(threading.current_thread)
    assert thread.name.startswith("test")
    if sys.platform == "linux":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert await jobs.run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) == NICENESS
        assert os.getpriority(os.PRIO_PROCESS, 0) == own


async def test_what_nobody_waits_for_is_not_begun(jobs):
    free, begun = threading.Event(), []
    first = asyncio.create_task(jobs.run(free.wait))
    second = asyncio.create_task(jobs.run(lambda: begun.append(1)))
    await asyncio.sleep(0.01)
    second.cancel()
    await asyncio.sleep(0)
    free.set()
    await first
    await jobs.run(lambda: None)
    assert not begun


async def test_an_error_is_raised_where_it_is_waited_for(jobs):
    with pytest.raises(ZeroDivisionError):
        await jobs.run(lambda: 1 // 0)


async def test_patience_ends():
    jobs, free = Jobs("slow", patience_s=0.02), threading.Event()
    with pytest.raises(TimeoutError):
        await jobs.run(free.wait)
    free.set()
    jobs.close()

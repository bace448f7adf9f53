"""Many at once and many after each other: nobody hears another, the one too many is told so, and nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import httpx
import pytest

from tests.interop.caller import calling
from tests.interop.test_whip_rules import SDP, heard, some_offer
from tests.served import Held, Served, serving

FEW_FILES, FEW_THREADS, FEW_MIB = 4, 4, 30
AT_ONCE = 5


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """Sessions end a second after the last has left."""
    with serving("--idle", "1") as served:
        yield served


async def test_ten_sessions_do_not_hear_each_other_and_the_eleventh_is_told(
    http: httpx.AsyncClient, server: Served
) -> None:
    await emptied(server)
    async with contextlib.AsyncExitStack() as stack:
        calls = {}
        for index in range(10):
            hz = 300 + 100 * index
            path = f"/sessions/many{index}/offer"
            calls[hz] = await stack.enter_async_context(calling(http, path, hz=hz, listen=True))
            # Ten models at once are another test's; here the path is.
            await http.patch(
                f"/sessions/many{index}/settings", json={"enhance": {"on": False}, "limiter": {"on": False}}
            )
        refused = await http.post("/whip/eleventh", content=await some_offer("audio"), headers=SDP)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
        assert server.http.get("/config").json()["capacity"]["free"] == 0
        for hz, call in calls.items():
            await heard(call, hz, within_s=60)
    await emptied(server)


async def emptied(server: Served) -> None:
    async with asyncio.timeout(60):
        while server.sessions():
            await asyncio.sleep(0.2)


async def cycles(http: httpx.AsyncClient, server: Served, count: int) -> tuple[Held, Held, float, float]:
    """What is held before and after so many calls, and how many tasks run."""
    await calls(http, server, AT_ONCE)
    before, tasks = server.held(), server.figure("limelight_tasks")
    await calls(http, server, count)
    return before, server.held(), tasks, server.figure("limelight_tasks")


async def calls(http: httpx.AsyncClient, server: Served, count: int) -> None:
    """So many calls, a few at a time, each in a session of its own; all sessions are gone in the end."""
    room = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as callers:
        for number in range(count):
            callers.create_task(one_call(http, server, f"cycle{number}", room))
    await emptied(server)


async def one_call(http: httpx.AsyncClient, server: Served, name: str, room: asyncio.Semaphore) -> None:
    async with room:
        async with calling(http, f"/sessions/{name}/offer", hz=440, listen=True) as call:
            assert (await http.delete(call.location)).status_code == 204
        async with asyncio.timeout(60):  # its place is another's only when it has gone
            while name in await asyncio.to_thread(server.sessions):
                await asyncio.sleep(0.1)


def nothing_left(before: Held, after: Held, tasks: float, tasks_after: float, *, mib: float) -> None:
    print(before, after, tasks, tasks_after)
    assert tasks_after <= tasks + 1
    assert after.files <= before.files + FEW_FILES
    assert after.threads <= before.threads + FEW_THREADS
    assert after.rss_mib <= before.rss_mib + mib


@pytest.mark.live
async def test_calls_leave_nothing_behind(http: httpx.AsyncClient, server: Served) -> None:
    nothing_left(*await cycles(http, server, 20), mib=FEW_MIB)


@pytest.mark.campaign
async def test_two_hundred_calls_leave_nothing_behind(http: httpx.AsyncClient, server: Served) -> None:
    nothing_left(*await cycles(http, server, 200), mib=FEW_MIB)

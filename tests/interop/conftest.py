"""The real server for clients that are not browsers, and an HTTP client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.served import Served, eventually, serving

FEW = 4


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    """One for all that do not need one of their own."""
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def room(server: Served) -> None:
    """Sessions that earlier tests left wait for somebody to come back; the next test needs some that are free."""
    eventually(
        lambda: server.http.get("/config").json()["capacity"]["free"] >= FEW, within_s=60, what="sessions are closed"
    )


@pytest.fixture
async def http(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base, timeout=60) as client:
        yield client

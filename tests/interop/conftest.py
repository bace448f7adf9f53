"""The real server for clients that are not browsers, and an HTTP client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.served import Served, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """One for a file of tests."""
    with serving() as served:
        yield served


@pytest.fixture
async def http(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base, timeout=60) as client:
        yield client

"""The real server for clients that are not browsers, and an HTTP client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.served import Served, serving


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    """One for all that do not need one of their own."""
    with serving() as served:
        yield served


@pytest.fixture
async def http(server: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.base, timeout=60) as client:
        yield client

"""Chromium, a real server, and pages on it. Tests and fixtures of a module share one event loop, as the browser needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.served import Served, serving

HERE = Path(__file__).parent
FLAGS = (
    "--no-sandbox",  # containers have none to give
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--mute-audio",
)


def find_chromium() -> str:
    """Where it is; skips without it, fails under CI."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    reason = "no Chromium on the PATH (env CHROMIUM may name one)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """The real server, with the real weights."""
    with serving() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser with no devices of its own."""
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile whose pages have our camera and microphone; errors in a page fail the test."""
    # The page's policy is set aside, because the sound tap is a blob.
    context = await chromium.new_context(ignore_https_errors=True, bypass_csp=True)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    await context.add_init_script(path=HERE / "media.js")
    yield context
    await context.close()
    assert not errors

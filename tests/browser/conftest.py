"""A real Chromium for the tests in this folder: made-up camera and microphone, sound without a click, no network of
its own. Without a Chromium the tests are skipped and say so; under CI that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from tests.served import Served, serving

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
)
HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """The browser to use: $LIMELIGHT_CHROMIUM, or the first one on the path."""
    found = os.environ.get("LIMELIGHT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return found if found and os.access(found, os.X_OK) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder on one event loop: what drives the browser belongs to the loop that started it."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests (about a second to start); each opens a context or a page of its own and closes it."""
    path = chromium_path()
    if path is None:
        reason = "no Chromium was found: install Debian's `chromium`, or name one in LIMELIGHT_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """The real server with the real weights, one for a file of tests."""
    with serving() as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile whose pages have our camera and microphone (media.js); an error in a page fails the test."""
    # The page's policy is set aside, because the sound tap is a blob.
    context = await chromium.new_context(
        ignore_https_errors=True, bypass_csp=True, viewport={"width": 800, "height": 600}
    )
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    await context.add_init_script(path=Path(__file__).with_name("media.js"))
    yield context
    await context.close()
    assert not errors

"""What the tests do on a page in Chromium: wait, start the studio, fetch what it recorded."""

from __future__ import annotations

import asyncio
import base64
import time

import numpy as np
from playwright.async_api import BrowserContext, Page

__all__ = ["recorded", "studio", "until"]


async def until(page: Page, condition: str, *, within_s: float = 60.0) -> None:
    """Polls a JavaScript expression; the page's own policy forbids Playwright's waiting, which evaluates text there."""
    end = time.monotonic() + within_s
    while not await page.evaluate(condition):
        assert time.monotonic() < end, f"not within {within_s:.0f} s: {condition}"
        await asyncio.sleep(0.05)


async def studio(visitor: BrowserContext, base: str, session: str) -> Page:
    """The studio page of a session, live."""
    page = await visitor.new_page()
    await page.goto(f"{base}/?session={session}")
    await page.get_by_role("button", name="Start", exact=True).click()
    await until(page, "limelight.state === 'live'")
    return page


async def recorded(page: Page, name: str) -> tuple[int, np.ndarray]:
    """The first sample's frame on the page's sound clock, and the sound, of a recording that is a global there."""
    first, samples = await page.evaluate(f"(async () => [{name}.frame, await {name}.samples()])()")
    return first, np.frombuffer(base64.b64decode(samples), "<f4")

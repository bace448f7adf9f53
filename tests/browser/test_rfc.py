"""A page of nobody we know speaks WHIP and WHEP by the RFC and the draft, in Chromium, over http and https."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.page import recorded, until
from tests.judges import HZ
from tests.served import Served, serving

pytestmark = pytest.mark.browser


async def stranger(visitor: BrowserContext, base: str) -> Page:
    """An empty page of our origin with rfc.js: whoever embeds a player is on the list of origins."""
    await visitor.route("**/stranger", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    await visitor.add_init_script(path=Path(__file__).with_name("rfc.js"))
    page = await visitor.new_page()
    await page.goto(f"{base}/stranger")
    await page.evaluate("fake.context.resume()")
    return page


async def strongest_hz(page: Page) -> float:
    await page.evaluate("(async () => { window.back = await fake.hear(player.stream); })()")
    await asyncio.sleep(2)
    heard = (await recorded(page, "back"))[1][-HZ:]
    return float(np.argmax(np.abs(np.fft.rfft(heard * np.hanning(len(heard))))) * HZ / len(heard))


async def published_and_played(page: Page, base: str, name: str) -> None:
    await page.evaluate("fake.tone(700)")
    await page.evaluate(f"(async () => {{ window.publisher = await rfc.publish('{base}/whip/{name}'); }})()")
    await until(page, "publisher.pc.connectionState === 'connected'")
    await page.evaluate(f"(async () => {{ window.player = await rfc.play('{base}/whep/{name}'); }})()")
    await until(page, "player.pc.connectionState === 'connected'")
    async with asyncio.timeout(60):
        while not (await page.evaluate("rfc.received(player.pc)"))["video"]["pictures"] > 10:
            await asyncio.sleep(0.2)


async def test_whip_and_whep_by_the_book(visitor: BrowserContext, server: Served) -> None:
    page = await stranger(visitor, server.base)
    await published_and_played(page, server.base, "book")
    server.http.patch("/sessions/book/settings", json={"enhance": {"on": False}})
    assert abs(await strongest_hz(page) - 700) < 5
    assert set(await page.evaluate("[...publisher.trickled, ...player.trickled]")) == {204}
    assert server.figure('limelight_stage_seconds_count{stage="picture_decode"}') > 10
    assert await page.evaluate("player.end()") == 200
    assert await page.evaluate("publisher.end()") == 200
    assert server.sessions()["book"]["publishers"] == 0


@pytest.mark.live
async def test_media_over_https(visitor: BrowserContext) -> None:
    with serving("--tls", "self-signed") as served:
        page = await stranger(visitor, served.base)
        await published_and_played(page, served.base, "secure")

"""The editor of caption-true mode in a real Chromium: what a person does to a line is what goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from playwright.async_api import Browser, expect

from streamer.channel import Overflow
from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.session import Session
from streamer.transports.doors import Network, media_routes
from tests.browser.test_page import NAMELESS
from tests.fakes import client_of, make_studio
from tests.scripted import Scripted, script

pytestmark = pytest.mark.browser

FIRST = "The first sentence of this talk has a mistake in it."
SECOND = "The second one should never have been said at all."
THIRD = "And the third is what it was from its beginning."


@asynccontextmanager
async def speaking(session: Session) -> AsyncIterator[None]:
    """A voice, at the pace of a microphone, until the block ends."""

    async def speak() -> None:
        publisher = session.publish(sound_overflow=Overflow.WAIT)
        sound = 0.3 * np.sin(2 * np.pi * 220 * np.arange(10 * HOP) / SOUND_HZ).astype(np.float32)[None]
        pts = 0
        while True:
            await publisher.sound.put(AudioFrame(pts, sound, arrival=session.now()))
            pts += sound.shape[1]
            await asyncio.sleep(max(0.0, pts / SOUND_HZ - session.time_s))

    speaker = asyncio.create_task(speak())
    yield
    speaker.cancel()


@pytest.mark.live
async def test_lines_are_mended_and_deleted_before_they_go_out(chromium: Browser) -> None:
    recogniser = Scripted(script(f"{FIRST} {SECOND} {THIRD}", start_s=2.0, word_s=0.07, gap_s=0.01))
    studio = make_studio(recogniser=recogniser)
    async with client_of(studio, media_routes(studio, Network()), limit_s=60) as client:
        session = await studio.sessions.open("talk", channels=1)
        page = await chromium.new_page()  # shut with its browser
        page.set_default_timeout(20_000)
        await page.goto(f"{client.base_url}/editor/talk")
        await page.get_by_role("button", name="Hold picture and sound back").click()
        await expect(page.get_by_text("Lines appear here")).to_be_visible()
        assert await page.evaluate(NAMELESS) == []
        session.configure({"captions": {"hold_s": 3.5}})
        lines = page.locator("#lines > li")
        async with speaking(session):
            await expect(lines.filter(has_text="has a mistake in it.")).to_be_visible()
            assert not session.transcript.segments, "nothing is out yet"
            await lines.first.press("Enter")
            await page.keyboard.type("The first sentence is right.")
            await page.keyboard.press("Enter")
            await expect(lines.first).to_contain_text("The first sentence is right.")
            second = lines.filter(has_text="never have been said at all.")
            await second.get_by_role("button", name="Delete").click()
            await expect(second).to_have_attribute("data-state", "deleted")
            await expect(page.locator("#gone li").first).to_have_text(THIRD)
        assert [segment.text for segment in session.transcript.segments] == ["The first sentence is right.", THIRD]
        await page.close()

"""The Say box in Chromium with the real server: what is typed is heard in the program, word by word, and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.page import recorded, studio, until
from tests.judges import HZ, likeness, wav
from tests.served import RECOGNISER, Served, serving

pytestmark = pytest.mark.browser

LINE = "Good evening, and welcome to the second half of the programme."
LEAST_LIKE = 0.6  # of the words


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving("--stt", "limelight" if RECOGNISER.exists() else "off") as served:
        yield served


async def say(page: Page, text: str) -> None:
    await page.fill("#say-text", text)
    await page.press("#say-text", "Enter")


async def heard(page: Page, within_s: float = 30.0) -> np.ndarray:
    """What the program holds while `LINE` is said."""
    await page.evaluate("(async () => { window.back = await fake.hear(limelight.remoteStream); })()")
    await say(page, LINE)
    await until(page, "document.querySelector('#say-state').textContent === 'speaking'", within_s=within_s)
    await until(page, "document.querySelector('#say-state').textContent === 'quiet'", within_s=within_s)
    await asyncio.sleep(1)
    _, back = await recorded(page, "back")
    return back


async def test_what_is_typed_is_heard_and_marked_and_can_be_stopped(visitor: BrowserContext, server: Served) -> None:
    page = await studio(visitor, server.base, "say")
    await page.evaluate(
        """(() => {
            window.marked = [];
            const see = () => {
                const word = document.querySelector("#say-now mark")?.textContent;
                if (word && word !== window.marked.at(-1)) window.marked.push(word);
            };
            new MutationObserver(see).observe(document.querySelector("#say-now"), { childList: true });
        })()"""
    )
    back = await heard(page)
    loud = np.abs(back) > 0.01
    assert np.count_nonzero(loud) > HZ / 10, "the line is in the track that came back"
    assert await page.evaluate("window.marked") == LINE.replace(",", "").rstrip(".").split()
    await say(page, "One line that goes on for a while, so that there is something to stop. " * 3)
    await until(page, "document.querySelector('#say-now mark')?.textContent")
    await page.click("#say-stop")
    await until(page, "document.querySelector('#say-note').textContent.startsWith('Stopped')")
    assert await page.input_value("#say-text") == ""


async def test_what_cannot_be_spoken_and_what_is_too_much_is_told(visitor: BrowserContext, server: Served) -> None:
    page = await studio(visitor, server.base, "unsaid")
    await say(page, "Fine. Привет.")
    await until(page, "document.querySelector('#say-note').textContent.includes('Привет')")
    assert await page.is_disabled("#say-go")


@pytest.mark.live
async def test_a_session_may_be_a_typed_voice_alone(visitor: BrowserContext, server: Served) -> None:
    page = await visitor.new_page()
    await page.goto(f"{server.base}/?session=typed&steer=1")
    await page.get_by_role("button", name="Start", exact=True).click()
    await until(page, "limelight.state === 'nobody'")
    await say(page, "The first line begins it.")
    await until(page, "limelight.state === 'live'")
    assert np.count_nonzero(np.abs(await heard(page)) > 0.01) > HZ / 10


@pytest.mark.campaign
@pytest.mark.skipif(not RECOGNISER.exists(), reason="needs the recogniser's weights")
async def test_what_is_typed_is_understood(visitor: BrowserContext, server: Served) -> None:
    page = await studio(visitor, server.base, "understood")
    back = await heard(page)
    form = {"model": (None, "limelight"), "file": ("back.wav", wav(back), "audio/wav")}
    text = server.http.post("/v1/audio/transcriptions", files=form).json()["text"]
    print(text)
    assert likeness(LINE, text) > LEAST_LIKE, text

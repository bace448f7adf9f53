"""Captions in a real Chromium: on the studio's picture, in its transcript, in the overlay, and as a video's own track.

The session, its doors and HTTP are real; what is said comes from the test, so that every word is known.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from streamer.session import Session
from streamer.settings import Captions
from streamer.stages.recognise import Caption, TimedWord
from streamer.transports.doors import Network, media_routes
from streamer.transports.http import Studio
from tests.browser.page import until
from tests.fakes import client_of, make_studio
from tests.scripted import Scripted

pytestmark = pytest.mark.browser


def words(text: str, start_s: float) -> tuple[TimedWord, ...]:
    return tuple(TimedWord(word, start_s + i, start_s + i + 0.9, 0.8) for i, word in enumerate(text.split()))


def say(session: Session, segment: int, committed: str, tail: str = "", *, final: bool = False) -> None:
    """A caption of a segment that begins every hundred seconds; its words go on where the last ones ended."""
    before = sum(len(each.words) for each in session.transcript.segments if each.number == segment)
    start_s = 100.0 * segment
    said = Caption(
        segment, words(committed, start_s + before), words(tail, start_s + before + 50), final, start_s, lag_s=1.25
    )
    session.caption(said.event())


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Studio, httpx.AsyncClient]]:
    studio = make_studio(recogniser=Scripted([]))
    async with client_of(studio, media_routes(studio, Network()), limit_s=60) as client:
        yield studio, client


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page in which nothing may be thrown."""
    context = await chromium.new_context(
        viewport={"width": 1280, "height": 800}, permissions=["clipboard-read", "clipboard-write"], bypass_csp=True
    )
    page = await context.new_page()
    page.set_default_timeout(20_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    await context.close()
    assert troubles == []


async def test_the_overlay_shows_captions_and_comes_back_by_itself(page: Page) -> None:
    async with serving() as (studio, client):
        session = await studio.sessions.open("talk", channels=1)
        await page.goto(f"{client.base_url}/overlay/captions/talk?size=large&color=%23ffe14d")
        await expect(page).to_have_title("Captions of talk")
        say(session, 0, "Hello", "there my")
        await expect(page.locator(".solid").first).to_have_text("Hello")
        await expect(page.locator(".tail").first).to_have_text(" there my")
        solid, tail = page.locator(".solid").first, page.locator(".tail").first
        await expect(solid).to_have_css("color", "rgb(255, 225, 77)")
        await expect(tail).to_have_css("font-style", "italic")
        await expect(page.locator("body")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
        await studio.sessions.discard(session, "the publisher went home")
        await expect(page).to_have_title("Waiting for talk")
        await expect(page.locator("#captions")).to_have_text("")
        session = await studio.sessions.open("talk", channels=1)
        await expect(page).to_have_title("Captions of talk")
        say(session, 0, "Back again.", final=True)
        await expect(page.locator(".solid").first).to_have_text("Back again.")


TRACK = """() => new Promise((resolve, reject) => {
    const track = document.createElement("track");
    track.onload = () => resolve([...track.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text]));
    track.onerror = () => reject(new Error("the track did not load"));
    track.src = "/sessions/talk/captions.vtt";
    document.body.appendChild(document.createElement("video")).append(track);
    track.track.mode = "showing";
})"""


async def test_a_video_track_takes_the_captions_by_their_address(page: Page) -> None:
    async with serving() as (studio, client):
        session = await studio.sessions.open("talk", channels=1)
        say(session, 0, "Tom & Jerry.", final=True)
        say(session, 1, "Still there?", final=True)
        await page.goto(f"{client.base_url}/")
        cues = await page.evaluate(TRACK)
        assert cues == [[0, 2.9, "Tom &amp; Jerry."], [100, 101.9, "Still there?"]]


async def live(page: Page, client: httpx.AsyncClient, query: str = "") -> None:
    await page.goto(f"{client.base_url}/?session=talk{query}")
    await page.get_by_role("button", name="Start", exact=True).click()
    await until(page, "limelight.state === 'live'")


async def comes_late(page: Page, client: httpx.AsyncClient, session: Session) -> None:
    """Who steers from now on reads what was said before, and then the rest."""
    late = await page.context.new_page()
    await live(late, client, "&steer=1")
    await until(late, "document.querySelectorAll('#transcript li').length === 1")
    say(session, 1, "More.", final=True)
    await late.get_by_text("Transcript", exact=True).click()
    await expect(late.locator("#transcript li")).to_have_text(["0:00Good evening and welcome, Ada.", "1:40More."])
    say(session, 0, "Held back until now.", final=True)
    await expect(late.locator("#transcript li")).to_contain_text(["Ada.", "More.", "Held back until now."])
    await late.close()


async def settled(session: Session, **wanted: object) -> None:
    """The session has these settings of captions."""
    async with asyncio.timeout(10):
        while session.settings.captions != Captions(**wanted):
            await asyncio.sleep(0.02)


async def test_the_studio_shows_keeps_and_hands_out_what_is_said(page: Page) -> None:
    async with serving() as (studio, client):
        await live(page, client)
        session = studio.sessions.find("talk")
        await page.keyboard.press("c")
        await settled(session, on=True)
        await until(page, "limelight.stats !== null")  # with its first reading the page knows the session's clock
        for committed, tail in (("Good evening", "and"), ("and", "welcome to"), ("welcome, Ada.", "")):
            say(session, 0, committed, tail, final=not tail)
        await expect(page.locator("#captions .solid").first).to_have_text("Good evening and welcome, Ada.")
        await expect(page.get_by_role("log")).to_have_text("Good evening and welcome, Ada.")
        await expect(page.locator("#caption-lag")).to_contain_text("s behind")
        await page.get_by_text("Transcript", exact=True).click()
        await expect(page.locator("#transcript li")).to_have_text(["0:00Good evening and welcome, Ada."])

        await page.get_by_role("button", name="Copy", exact=True).click()
        await until(page, "navigator.clipboard.readText().then((text) => text.includes('welcome, Ada.'))")
        async with page.expect_download() as saving:
            await page.get_by_role("button", name="Download as SRT").click()
        saved = await saving.value
        assert saved.suggested_filename.startswith("limelight-talk-")
        assert b"Good evening and welcome, Ada." in await asyncio.to_thread((await saved.path()).read_bytes)

        await page.get_by_text("Words to expect").click()
        await page.get_by_label("Names and terms").fill("Ada Lovelace\n\n Babbage , Ada Lovelace")
        await page.keyboard.press("Tab")
        await page.get_by_label("Size").select_option("huge")
        await settled(session, on=True, hot_words=("Ada Lovelace", "Babbage"), size=1.8)
        await comes_late(page, client, session)
        await page.locator("#stop").focus()
        await page.keyboard.press("c")
        await settled(session, on=False, hot_words=("Ada Lovelace", "Babbage"), size=1.8)
        await expect(page.locator("#captions .caption-line").first).to_be_hidden()


ROLL = """async ({ events, columns }) => {
    const { RollUp } = await import("/static/rollup.js");
    const rollUp = new RollUp({ rows: 2, columns: () => columns });
    return events.map((event) => { rollUp.hear(event); return rollUp.shown; });
}"""


def ramble(seed: int) -> list[dict[str, object]]:
    """Segments whose tails are revised, shrink and come to nothing."""
    dice = random.Random(seed)
    events = []
    for segment in range(12):
        for step in range(dice.randint(1, 8)):
            committed, tail = (
                ["".join(dice.choices("abc", k=dice.randint(1, 9))) for _ in range(dice.randint(0, 3))],
                ["?" * dice.randint(1, 9) for _ in range(dice.randint(0, 9))],
            )
            body = {"segment": segment, "committed": " ".join(committed), "tail": " ".join(tail), "final": False}
            at_s = 10 * segment * dice.random()
            body |= {"start": at_s, "words": [{"end": at_s + step}] if committed else []}
            events.append(body | {"committed": f"{segment}.{step} {body['committed']}".strip()})
        events.append({"segment": segment, "committed": "", "tail": "", "final": True})
    return events


async def test_committed_words_never_jump(page: Page) -> None:
    async with serving() as (_, client):
        await page.goto(f"{client.base_url}/")
        for seed in range(4):
            events = ramble(seed)
            screens = await page.evaluate(ROLL, {"events": events, "columns": 20})
            said = " ".join(str(event["committed"]) for event in events).split()
            seen, last = 0, []
            for screen, event in zip(screens, events, strict=True):
                assert len(screen) <= 2
                solid = [row["solid"] for row in screen]
                shown = " ".join(solid).split()
                seen += len(str(event["committed"]).split())
                assert shown == said[seen - len(shown) : seen], "the last words said are there, in their order"
                assert shown or not said[:seen]
                assert rolled(last, solid), f"{last} became {solid}"
                last = solid


def rolled(before: list[str], after: list[str]) -> bool:
    """Whether every line that is still there only grew, and stands as high as before or higher."""
    for up in range(len(before) + 1):
        kept = before[up:]
        if len(kept) <= len(after) and all(now.startswith(old) for old, now in zip(kept, after, strict=False)):
            return True
    return False

"""The studio page by itself, in a real Chromium, before a stub that serves its files and refuses what a test tells it
to refuse, or with a server inside the page (loopback.js). What needs the real server is in test_studio.py."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.browser.page import until

pytestmark = pytest.mark.browser

LOOPBACK = Path(__file__).with_name("loopback.js")
WEB = Path(__file__).parents[2] / "streamer" / "web"
ROUNDS = 8
CAPACITY = {"sessions": 4, "free": 3}


@dataclass
class Stub:
    """Answers offers with `answers` in turn, the last one for ever; remembers what came."""

    url: str
    answers: list[Response] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    offers: list[dict[str, Any]] = field(default_factory=list)
    anchor: dict[str, Any] = field(default_factory=dict)

    async def offer(self, request: Request) -> Response:
        self.offers.append(await request.json())
        self.tokens.append(request.headers.get("authorization"))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def config(self, _request: Request) -> Response:
        asked = {"ice_servers": [], "version": 1, "ready": True, "capacity": CAPACITY}
        return JSONResponse(asked | {"anchor": self.anchor})

    async def page(self, _request: Request) -> Response:
        return FileResponse(WEB / "index.html", headers={"Content-Security-Policy": "default-src 'self'"})

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/config", self.config),
                Route("/sessions/{name}/offer", self.offer, methods=["POST"]),
                Mount("/static", StaticFiles(directory=WEB)),
            ]
        )


def refusal(status: int, text: str, *, retry_s: int | None = None) -> Response:
    return JSONResponse({"error": text}, status, {} if retry_s is None else {"Retry-After": str(retry_s)})


@pytest_asyncio.fixture(loop_scope="session")
async def stub() -> AsyncIterator[Stub]:
    listening = socket.create_server(("127.0.0.1", 0))
    stub = Stub(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(stub.app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    yield stub
    server.should_exit = True
    await asyncio.wait_for(serving, 5)
    listening.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page that fails its test when anything was thrown in it or written to its console."""
    page = await chromium.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(60_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None)
    yield page
    await page.close()
    # A refused request is written to the console by Chromium itself, whatever the page does about it.
    assert [text for text in troubles if not text.startswith("Failed to load resource")] == []


async def state(page: Page, wanted: str) -> None:
    await until(page, f"window.limelight?.state === '{wanted}'")


def start(page: Page) -> Locator:
    return page.get_by_role("button", name="Start", exact=True)


async def test_first_visit_is_calm_and_complete(page: Page, stub: Stub) -> None:
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(stub.url) else None)
    await page.goto(stub.url)

    await expect(start(page)).to_be_visible()
    await expect(page.get_by_text("3 of 4 places free")).to_be_visible()
    assert await page.evaluate("limelight.state") == "idle"
    assert await page.evaluate("Object.isFrozen(limelight)")
    assert await page.evaluate("Object.values(limelight.localTracks)") == [None, None]
    text = await page.inner_text("body")
    assert not [word for word in ("NaN", "undefined", "[object", "Infinity") if word in text]
    assert foreign == []


async def test_the_anchor_card_offers_what_the_server_has(page: Page, stub: Stub) -> None:
    stub.anchor = {"portraits": ["me", "../you"], "face": False}
    await page.goto(stub.url)
    card = page.locator("#anchor-card")
    mine, face = (card.get_by_role("button", name=name, exact=True) for name in ("Me", "My face"))
    await expect(mine).to_have_attribute("aria-pressed", "false")
    assert await card.locator("#anchor-names button").count() == 5
    await expect(face).to_be_disabled()
    await expect(card.get_by_text("started with --face-model")).to_be_visible()
    stub.anchor = {"portraits": [], "face": True}
    await page.reload()
    await expect(face).to_be_enabled(timeout=10_000)
    await expect(mine).to_have_count(0)
    await expect(card.get_by_text("started with --face-model")).to_be_hidden()


CONTROLS = """() => [...document.querySelectorAll("button, input, select, textarea, summary")]
    .filter((node) => !node.disabled && node.checkVisibility()).map((node) => node.id || node.textContent.trim())"""
NAMELESS = """() => [...document.querySelectorAll("button, input, select, textarea")].filter((node) =>
    !(node.labels?.length || node.ariaLabel || node.textContent.trim())).map((node) => node.outerHTML)"""
FOCUSED = """() => [document.activeElement.id || document.activeElement.textContent.trim(),
    getComputedStyle(document.activeElement).outlineStyle !== "none"]"""


async def test_every_control_has_a_name_and_is_reached_by_tab(page: Page, stub: Stub) -> None:
    await page.goto(stub.url)
    await expect(start(page)).to_be_visible()
    await page.locator("#devices > summary").press("Enter")
    for fold in await page.locator(".fold > summary").all():
        await fold.press("Enter")
    assert await page.evaluate(NAMELESS) == []
    wanted = await page.evaluate(CONTROLS)
    assert len(wanted) > 15
    await page.evaluate("document.activeElement.blur()")
    reached: dict[str, bool] = {}
    for _ in range(len(wanted) + 8):
        await page.keyboard.press("Tab")
        name, outlined = await page.evaluate(FOCUSED)
        reached[name] = outlined
    assert set(wanted) <= set(reached)
    assert [name for name in wanted if not reached[name]] == [], "focus must be seen"


async def test_help_has_a_key_which_is_left_to_fields(page: Page, stub: Stub) -> None:
    await page.goto(stub.url)
    shortcuts = page.get_by_role("heading", name="Shortcuts")
    await expect(start(page)).to_be_visible()
    await page.keyboard.press("?")
    await expect(shortcuts).to_be_visible()
    await page.keyboard.press("?")
    await expect(shortcuts).to_be_hidden()
    await page.locator("#devices > summary").click()
    await page.locator("#devices .fold > summary").click()
    await page.locator("#bitrate").press("?")
    await expect(shortcuts).to_be_hidden()


async def test_nothing_scrolls_sideways(page: Page, stub: Stub) -> None:
    await page.goto(stub.url)
    await page.locator("#devices > summary").click()
    for width in (360, 768, 1024, 1280):
        await page.set_viewport_size({"width": width, "height": 740})
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width
        await page.locator("#share-open").click()
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= width
        await page.keyboard.press("Escape")


async def test_a_blocked_microphone_is_explained_and_nothing_is_sent(page: Page, stub: Stub) -> None:
    await page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError') }"
    )
    await page.goto(stub.url)
    await start(page).click()
    await state(page, "blocked")
    await expect(page.get_by_role("heading", name="Your microphone is blocked")).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert stub.offers == []


async def test_an_insecure_page_says_how_to_open_it(page: Page, stub: Stub) -> None:
    await page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    await page.goto(stub.url)
    await start(page).click()
    await expect(page.get_by_text("--tls self-signed")).to_be_visible()


async def test_a_full_server_counts_down_and_is_asked_again(page: Page, stub: Stub) -> None:
    stub.answers = [refusal(503, "all places are taken", retry_s=2), refusal(503, "still full", retry_s=60)]
    await page.goto(stub.url)
    await start(page).click()
    await state(page, "full")
    await expect(page.locator(".countdown")).to_have_text("Next try in 1 s")
    await expect(page.get_by_text("Still full.")).to_be_visible()
    await expect(page.locator(".countdown")).to_contain_text("Next try in 5")
    assert len(stub.offers) == 2
    assert "a=ptime:20" in stub.offers[0]["sdp"]
    await page.get_by_role("button", name="Stop trying").click()
    await state(page, "idle")
    assert await page.evaluate("limelight.localTracks.audio") is None, "the microphone is let go"


async def test_a_token_is_asked_for_and_leaves_the_address(page: Page, stub: Stub) -> None:
    stub.answers = [refusal(401, "a token is needed"), refusal(503, "full", retry_s=60)]
    await page.goto(f"{stub.url}/?session=green-room&token=wrong")
    assert "wrong" not in page.url
    await start(page).click()
    await state(page, "token")
    await page.get_by_label("Token", exact=True).fill("right")
    await page.keyboard.press("Enter")
    await state(page, "full")
    assert stub.tokens == ["Bearer wrong", "Bearer right"]


async def test_a_taken_session_offers_ways_on(page: Page, stub: Stub) -> None:
    stub.answers = [refusal(409, "somebody already publishes")]
    await page.goto(stub.url)
    await start(page).click()
    await state(page, "taken")
    await expect(page.get_by_role("button", name="Watch and steer")).to_be_visible()
    await page.get_by_role("button", name="Use another session").click()
    await page.wait_for_url("**/?session=studio-*")


COUNTS = "({ far: far.made, again: limelight.reconnects, nodes: document.querySelectorAll('*').length })"


KINDS = ("RTCPeerConnection", "RTCDataChannel", "MediaStreamTrack", "MediaStream")


async def living(page: Page) -> dict[str, int]:
    """How many objects of each kind are still held, once the garbage is gone; the server's side of them included."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("HeapProfiler.collectGarbage")
    counts: dict[str, int] = {}
    for kind in KINDS:
        prototype = await devtools.send("Runtime.evaluate", {"expression": f"{kind}.prototype"})
        found = await devtools.send("Runtime.queryObjects", {"prototypeObjectId": prototype["result"]["objectId"]})
        call = {"objectId": found["objects"]["objectId"], "functionDeclaration": "function () { return this.length }"}
        counted = await devtools.send("Runtime.callFunctionOn", {**call, "returnByValue": True})
        counts[kind] = counted["result"]["value"]
    await devtools.detach()
    return counts


async def live_page(page: Page, stub: Stub) -> None:
    await page.add_init_script(path=LOOPBACK)
    await page.goto(stub.url)
    await page.get_by_role("button", name="Microphone only").click()
    await state(page, "live")


async def lose(page: Page, how: str) -> None:
    """Lose the connection and wait for the next one and its first reading."""
    await page.evaluate("how => { window.next = limelight.reconnects + 1; far.kick(how); }", how)
    await until(page, "limelight.reconnects === next && limelight.state === 'live' && limelight.stats !== null")


async def test_settings_show_at_once_and_outlive_a_session(page: Page, stub: Stub) -> None:
    await live_page(page, stub)
    await page.keyboard.down("b")
    await asyncio.sleep(0.6)
    assert await page.evaluate("limelight.settings.enhance.on") is False
    await page.keyboard.up("b")
    assert await page.evaluate("limelight.settings.enhance.on") is True, "holding is a peek"
    await page.keyboard.press("b")
    assert await page.evaluate("limelight.settings.enhance.on") is False, "shown before the server answers"
    await expect(page.locator("#sign")).to_have_text("Before · as it came in")
    await until(page, "far.settings.enhance.on === false")
    await page.locator("#strength").fill("0.25")
    await until(page, "far.settings.enhance.strength === 0.25")

    await page.evaluate("far.settings.limiter.ceiling_db = -3")
    await lose(page, "events")
    await until(page, "limelight.settings.limiter.ceiling_db === -3")

    await lose(page, "remade")
    await until(page, "far.settings.enhance.strength === 0.25 && far.settings.enhance.on === false")
    assert await page.evaluate("limelight.settings.enhance") == {"on": False, "strength": 0.25}
    assert await page.evaluate("far.taken") == [None, "c1", "c2"], "each offer takes over the last connection"


@pytest.mark.live
async def test_reconnects_leave_nothing_behind(page: Page, stub: Stub) -> None:
    await live_page(page, stub)
    await lose(page, "events")
    before, held = await page.evaluate(COUNTS), await living(page)
    for round_ in range(ROUNDS):
        await lose(page, "bye" if round_ % 2 else "events")
    after = await page.evaluate(COUNTS)
    assert after == {"far": before["far"] + ROUNDS, "again": before["again"] + ROUNDS, "nodes": before["nodes"]}
    # The sound thread lets go of its nodes in its own time.
    async with asyncio.timeout(60):
        while grown := {kind: n for kind, n in (await living(page)).items() if n > held[kind] + 4}:
            print("still held:", grown)
            await asyncio.sleep(1)
    assert await page.evaluate("limelight.localTracks.audio.readyState") == "live", "the microphone stays open"


@pytest.mark.live
async def test_a_recording_is_saved_and_goes_on_after_a_loss(page: Page, stub: Stub) -> None:
    await live_page(page, stub)
    await until(page, "limelight.remoteStream.getAudioTracks()[0].muted === false")
    await page.keyboard.press("r")
    await until(page, "document.getElementById('rec-time').textContent === '0:02'")
    async with page.expect_download() as first:
        await page.evaluate("far.kick('events')")
    assert (await first.value).suggested_filename.startswith("limelight-studio-")
    await until(page, "limelight.reconnects === 1 && limelight.recording")
    await until(page, "document.getElementById('rec-time').textContent === '0:02'")
    async with page.expect_download() as second:
        await page.keyboard.press("r")
    saved = await (await second.value).path()
    assert saved.read_bytes()[:4] == bytes.fromhex("1a45dfa3"), "an EBML file"
    assert saved.stat().st_size > 2000

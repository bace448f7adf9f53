"""The anchor in Chromium: the mouth that the page shows against the sound that it plays, and how soon it speaks.

By name only (`-m campaign`): it needs a machine that carries a session, a drawn face and a browser in real time.
"""

from __future__ import annotations

import asyncio
import math
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import BrowserContext, Page

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from tests.browser.clapper import EVERY_S, claps, flashes
from tests.browser.page import recorded, studio, until
from tests.browser.test_studio import AHEAD_MS, BEHIND_MS, TooBusy, in_real_time, kept_up, speak
from tests.judges import HZ, beeps
from tests.served import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

MOST_OFFSET_MS = 40
LEAST_LIKENESS = 0.5
MOST_TO_OPEN_MS = 400  # from Enter to the first picture of an open mouth
AUDIBLE = 0.01
MOST_FLASH_MS = 20
SECONDS_CLAPPED, LEAST_CLAPS = 30, 10
LEAST_RATE = 15  # pictures a second, or the page tells nothing of us
SECONDS = 12
FARTHEST = 40  # of 10 ms, either way
# How bright the picture is where ada's mouth is, which opens dark, and where the page's clocks stand.
WATCH = """async () => {
  const video = document.getElementById("program");
  const eye = new OffscreenCanvas(80, 50).getContext("2d", { willReadFrequently: true });
  window.mouths = [];
  const look = (_now, { expectedDisplayTime }) => {
    const { videoWidth: w, videoHeight: h } = video;
    eye.drawImage(video, 0.42 * w, 0.62 * h, 0.16 * w, 0.1 * h, 0, 0, 80, 50);
    const { data } = eye.getImageData(0, 0, 80, 50);
    let dark = 0;
    for (let n = 0; n < data.length; n += 4) dark += data[n] < 140;
    mouths.push([expectedDisplayTime, dark]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  window.back = await fake.hear(limelight.remoteStream);
  window.played = fake.follow(limelight.connection);
  window.clocks = fake.clocks();
}"""

Curve = NDArray[np.float64]


def syllables(seconds: int = 10) -> NDArray[np.float32]:
    """A vowel at moments that do not repeat within seconds, so that no other offset looks as good."""
    t = np.arange(seconds * HZ) / HZ
    heights = {
        hz: 1 / (1 + ((hz - 750) / 90) ** 2) + 0.7 / (1 + ((hz - 1200) / 110) ** 2) for hz in range(130, 3600, 130)
    }
    voice = sum(height * np.sin(2 * math.pi * hz * t) for hz, height in heights.items())
    dice, loud, at = np.random.default_rng(3), np.zeros(len(t)), 0.3
    while at < seconds - 0.6:
        length = dice.uniform(0.18, 0.4)
        inside = (t >= at) & (t < at + length)
        loud[inside] = np.minimum(1, np.minimum(t[inside] - at, at + length - t[inside]) / 0.02)
        at += length + dice.uniform(0.25, 0.6)
    return np.asarray(0.1 * loud * voice / np.sqrt(np.mean(np.square(voice))), np.float32)


def offset_ms(
    mouths: list[list[float]], first: int, sound: NDArray[np.float32], clock_ms: float
) -> tuple[float, float]:
    """How late the mouth is for the loudness, and how alike the two are there."""
    level = np.sqrt(np.square(sound[: len(sound) // 480 * 480]).reshape(-1, 480).mean(1))
    start = first * 1000 / HZ + clock_ms
    shown = np.interp(start + 10 * np.arange(len(level)) + 5, *np.array(mouths).T)

    def alike(lag: int) -> float:
        one, other = shown[FARTHEST + lag : len(shown) - FARTHEST + lag], level[FARTHEST:-FARTHEST]
        return float(np.corrcoef(one, other)[0, 1])

    best = max(range(-FARTHEST, FARTHEST + 1), key=alike)
    return 10.0 * best, alike(best)


async def measured(page: Page) -> tuple[float, float, float]:
    drops = await page.evaluate("limelight.stats.drops.sound")
    await page.evaluate(WATCH)
    await asyncio.sleep(SECONDS)
    await kept_up(page, drops)
    mouths, clocks, played = await page.evaluate("[mouths, clocks, played]")
    steady(np.array([at for at, _ in mouths]))
    first, sound = await recorded(page, "back")
    offset, alike = offset_ms(mouths, first, sound, float(np.min(clocks)))
    # What the browser itself holds the one longer than the other; it settles within half a minute.
    browser = float(np.median([each["audio"] - each["video"] for each in played])) if played else 0.0
    return offset, offset - browser, alike


async def test_the_mouth_that_is_seen_is_in_step_with_the_sound_that_is_heard(
    visitor: BrowserContext, server: Served, record_property: pytest.RecordProperty
) -> None:
    page = await studio(visitor, server.base, "anchored")
    answer = server.http.patch("/sessions/anchored/settings", json={"anchor": {"on": True}})
    assert answer.json()["anchor"]["source"] == "voice"
    await speak(visitor, page, syllables())
    await until(page, "document.getElementById('program').videoWidth === 512")
    await asyncio.sleep(3)
    seen, ours, alike = await in_real_time(lambda: measured(page))
    print(f"mouth late by {seen:.0f} ms, of it ours {ours:.0f} ms; alike {alike:.2f}")
    record_property("mouth_offset_ms", ours)
    assert alike > LEAST_LIKENESS
    assert abs(ours) <= MOST_OFFSET_MS


LINES = (
    "Hello and good evening.",
    "All of you are welcome.",
    "Today the weather is fine.",
    "Our guests are here now.",
    "Are there any questions?",
    "I have one more thing to say.",
    "After this there is music.",
    "Everybody, good night.",
)
SAY = """text => {
  const box = document.getElementById("say-text");
  box.value = text;
  const now = performance.now();
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  return now;
}"""
SPEAKING = "document.querySelector('#say-state').textContent === 'speaking'"
QUIET = "document.querySelector('#say-state').textContent === 'quiet'"


async def typed(visitor: BrowserContext, server: Served, session: str) -> Page:
    """A session that is a typed voice and its anchor alone, for some time already."""
    page = await visitor.new_page()
    await page.goto(f"{server.base}/?session={session}&steer=1")
    await page.get_by_role("button", name="Start", exact=True).click()
    await until(page, "limelight.state === 'nobody'")
    await page.evaluate(SAY, "This line begins the session.")
    await until(page, "limelight.state === 'live'")
    server.http.patch(f"/sessions/{session}/settings", json={"anchor": {"on": True, "source": "text"}})
    await until(page, "document.getElementById('program').videoWidth === 512")
    await until(page, QUIET)
    await asyncio.sleep(5)
    return page


def steady(at: Curve) -> None:
    rate = 1000 * (len(at) - 1) / (at[-1] - at[0])
    if rate < LEAST_RATE:
        raise TooBusy(f"{rate:.0f} pictures a second were shown")


def first_ms(at: Curve, curve: Curve, since: float) -> float:
    """How long after `since` a curve first is a quarter of the way up from where it was to its highest in a second."""
    before, after = (at > since - 1000) & (at <= since), (at > since) & (at < since + 1000)
    least = float(np.quantile(curve[before], 0.9))
    over = after & (curve > least + 0.25 * (curve[after].max() - least))
    return float(at[over][0] - since)


async def prompt(page: Page) -> tuple[list[float], list[float]]:
    """How long after Enter each line's mouth opens and its sound begins."""
    begun, said = await page.evaluate("performance.now()"), []
    for line in LINES:
        await asyncio.sleep(1.3)
        said.append(await page.evaluate(SAY, line))
        await until(page, SPEAKING)
        await until(page, QUIET)
    await asyncio.sleep(1)
    mouths, clocks = await page.evaluate("[mouths, clocks]")
    first, sound = await recorded(page, "back")
    at, dark = np.array(mouths).T
    steady(at[at > begun])
    times = (first + np.arange(len(sound))) * 1000 / HZ + min(clocks)
    loud = times[np.abs(sound) > AUDIBLE]
    return [first_ms(at, dark, since) for since in said], [float(loud[loud > since][0] - since) for since in said]


async def test_what_is_typed_opens_the_mouth_on_the_page_at_once(
    visitor: BrowserContext, server: Served, record_property: pytest.RecordProperty
) -> None:
    page = await typed(visitor, server, "prompt")
    await page.evaluate(WATCH)
    opened, heard = await in_real_time(lambda: prompt(page))
    for name, found in {"to_open_ms": opened, "to_sound_ms": heard}.items():
        record_property(name, float(np.median(found)))
        print(f"{name}: median {np.median(found):.0f}, of {[round(each) for each in found]}")
    assert np.median(opened) <= MOST_TO_OPEN_MS


CLAPPER = (sys.executable, "-c", "import sys; from tests.browser import clapper; sys.exit(clapper.main(sys.argv[1:]))")
CLAPPING = """async () => {
  window.shown = fake.watch(document.getElementById("program"));
  window.back = await fake.hear(limelight.remoteStream);
  window.played = fake.follow(limelight.connection);
  window.clocks = fake.clocks();
  window.delivered = fake.delivered(limelight.connection);
}"""


def browsers(played: list[dict[str, float]], at: float) -> float:
    """How much longer the browser itself holds the picture than the sound, about then, until it is to be drawn."""
    near = [each["audio"] - each["video"] for each in played if abs(each["at"] - at) < 1000]
    return float(np.median(near)) if near else 0.0


async def clapped(page: Page) -> tuple[Curve, Curve, float]:
    """How late each flash is seen for its beep, how much of that is ours, and the first bright picture after it."""
    drops = await page.evaluate("limelight.stats.drops.sound")
    await page.evaluate(CLAPPING)
    await asyncio.sleep(SECONDS_CLAPPED)
    await kept_up(page, drops)
    shown, clocks, played, delivered = await page.evaluate("[shown, clocks, played, delivered]")
    steady(np.array([each["at"] for each in shown]))
    first, sound = await recorded(page, "back")
    # The detector tells where its window of 5 ms begins, half of which the tone fills there.
    onsets = (first + beeps(sound) + HZ // 400) * 1000 / HZ + min(clocks)
    given = {each["rtp"]: each["at"] for each in delivered}
    log = [each | {"given": given[each["rtp"]]} for each in shown if each["rtp"] in given]
    found = []
    for seen, handed, bright in flashes(log).T:
        onset = onsets[np.abs(onsets - seen).argmin()]
        if abs(seen - onset) < 500 * EVERY_S:
            found.append((seen - onset, handed - onset - browsers(played, onset), bright - seen))
    if len(found) < LEAST_CLAPS:
        raise TooBusy(f"{len(found)} flashes were seen in time")
    late, ours, later = np.array(found).T
    return late, ours, float(np.median(later))


async def test_flash_and_beep_are_in_step_through_the_anchor(
    visitor: BrowserContext, record_property: pytest.RecordProperty
) -> None:
    with serving(command=CLAPPER) as server:
        page = await studio(visitor, server.base, "clapper")
        # The cleaner takes beeps for noise; switched off, it keeps its delay.
        wanted = {"enhance": {"on": False}, "anchor": {"on": True, "source": "voice"}}
        assert server.http.patch("/sessions/clapper/settings", json=wanted).json()["anchor"]["on"]
        await speak(visitor, page, claps())
        await until(page, "document.getElementById('program').videoWidth === 512")
        await asyncio.sleep(5)
        late, ours, bright = await in_real_time(lambda: clapped(page))
    for name, found in {"flash_late_ms": late, "flash_ours_ms": ours}.items():
        record_property(name, float(np.median(found)))
        print(f"{name}: median {np.median(found):.0f}, {len(found)} from {found.min():.0f} to {found.max():.0f}")
    print(f"the first bright picture {bright:.0f} ms later")
    assert abs(np.median(ours)) <= MOST_FLASH_MS
    assert ours.min() >= -BEHIND_MS and ours.max() <= AHEAD_MS
    assert -BEHIND_MS <= np.median(late) <= AHEAD_MS

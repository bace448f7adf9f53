"""The anchor in Chromium: the mouth that the page shows against the sound that it plays, and that it is marked.

By name only (`-m campaign`): it needs a machine that carries a session, a drawn face and a browser in real time.
"""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import BrowserContext, Page

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from tests.browser.page import recorded, studio, until
from tests.browser.test_studio import in_real_time, kept_up, speak
from tests.judges import HZ
from tests.served import Served

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

MOST_OFFSET_MS = 40
LEAST_LIKENESS = 0.5
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
  window.clocks = [];
  setInterval(() => clocks.push(performance.now() - 1000 * fake.context.currentTime), 20);
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

"""The studio page in Chromium against the real server: cleaner, in step, never frozen, live, back after a loss."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import numpy as np
import pytest
import websockets
from playwright.async_api import BrowserContext, Page

from tests.browser.page import recorded, studio, until
from tests.judges import HZ, SENTENCE, beeps, lags_ms, level_db, likeness, mixture, rises, si_sdr_gain_db, wav
from tests.served import RECOGNISER, Served, eventually, serving

pytestmark = pytest.mark.browser
T = TypeVar("T")

AHEAD_MS, BEHIND_MS = 40, 60  # EBU R37: how far sound may be ahead of its picture, and behind
STEP_S = 7  # and for long in a campaign
LONGEST_FREEZE_MS = 1000
LEAST_GAIN_DB = 3.0  # without packets and codecs it is about 9
LEAST_LIKE = 0.3  # of the words: the recogniser is a small one, and the voice a program's
LONGEST_WAIT_S = 6.0  # until a word is settled on the page, on a machine that does much else
BACK_S = 10.0  # 2 s where the machine has nothing else to do
MOST_DROPS = 50  # frames: half a second


async def speak(visitor: BrowserContext, page: Page, sound: np.ndarray) -> None:
    """Loops the sound into the page's microphone."""
    await visitor.route("**/speech.wav", lambda route: route.fulfill(body=wav(sound), content_type="audio/wav"))
    await page.evaluate("fake.play('/speech.wav')")


async def settled(page: Page) -> None:
    """Sound comes back; then two seconds more for the first rush to pass."""
    await until(page, "limelight.stats?.p50 !== null && limelight.stats?.outDb !== null")
    await asyncio.sleep(2)


class TooBusy(Exception):
    """The machine did not keep real time: what came back says nothing of us."""


async def kept_up(page: Page, before: int) -> None:
    dropped = await page.evaluate("limelight.stats.drops.sound") - before
    if dropped > MOST_DROPS:
        raise TooBusy(f"{dropped} frames of sound were dropped")


async def in_real_time(measure: Callable[[], Awaitable[T]]) -> T:
    """What `measure` finds, at the second try if it must be; then a busy machine fails under CI and skips elsewhere."""
    for last in (False, True):
        try:
            return await measure()
        except TooBusy as busy:
            if last:
                give_up(busy)
    raise AssertionError


def give_up(busy: TooBusy) -> NoReturn:
    end = pytest.fail if os.environ.get("CI") else pytest.skip
    end(f"this machine is too busy for real time: {busy}")


@pytest.mark.live
async def test_what_comes_back_is_cleaner(
    visitor: BrowserContext, server: Served, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    mix = mixture(tmp_path)  # long: windows in which the browser stretches time are left out
    page = await studio(visitor, server.base, "cleaner")
    await speak(visitor, page, mix.noisy)
    await settled(page)

    async def heard() -> np.ndarray:
        drops = await page.evaluate("limelight.stats.drops.sound")
        await page.evaluate("(async () => { window.back = await fake.hear(limelight.remoteStream); })()")
        await asyncio.sleep(len(mix.clean) / HZ + 1)
        _, back = await recorded(page, "back")
        await kept_up(page, drops)
        return back

    before, gain = si_sdr_gain_db(mix, await in_real_time(heard))
    record_property("si_sdr_before_db", before)
    record_property("si_sdr_gain_db", gain)
    print(f"SI-SDR {before:.1f} dB before, {gain:+.1f} dB after")
    assert gain > LEAST_GAIN_DB


async def in_step(page: Page, server: Served, session: str, seconds: float) -> dict[str, float]:
    """Beeps and flashes for so long: the skew that is met with, the part of it that is ours, the longest gap."""
    # The cleaner takes beeps for noise; switched off, it keeps its delay.
    server.http.patch(f"/sessions/{session}/settings", json={"enhance": {"on": False}})
    await page.evaluate("fake.beep()")
    await settled(page)
    return await in_real_time(lambda: skew(page, seconds))


async def skew(page: Page, seconds: float) -> dict[str, float]:
    drops = await page.evaluate("limelight.stats.drops.sound")
    await page.evaluate(
        """(async () => {
            window.mine = await fake.mirror();
            window.shown = fake.watch(document.getElementById("program"));
            window.played = fake.follow(limelight.connection);
            window.out = await fake.hear(fake.microphone);
            window.back = await fake.hear(limelight.remoteStream);
        })()"""
    )
    await asyncio.sleep(seconds)
    await kept_up(page, drops)
    mine, shown, played = await page.evaluate("[mine, shown, played]")
    sounds = [beeps(samples) + first for first, samples in [await recorded(page, "out"), await recorded(page, "back")]]
    sound = lags_ms(*(onsets * 1000 / HZ for onsets in sounds))
    picture = lags_ms(rises(mine), rises(shown))
    assert len(sound) >= seconds / 3, f"{len(sound)} beeps came back"
    if len(picture) < seconds / 3:
        raise TooBusy(f"{len(picture)} flashes were seen in time")
    heard = float(np.median(picture) - np.median(sound))
    browser = float(np.median([each["audio"] - each["video"] for each in played])) if played else 0.0
    gaps = np.diff([each["at"] for each in shown])
    return {
        "skew_ms": heard,
        "ours_ms": heard - browser,
        "freeze_ms": float(gaps.max()),
        "sound_ms": float(np.median(sound)),
    }


def judge(found: dict[str, float], server: Served, record_property: pytest.RecordProperty) -> None:
    for name, value in found.items():
        record_property(name, value)
    print("; ".join(f"{name} {value:.0f}" for name, value in found.items()))
    assert -BEHIND_MS <= found["ours_ms"] <= AHEAD_MS
    assert found["freeze_ms"] < LONGEST_FREEZE_MS


async def test_sound_and_picture_come_back_in_step(
    visitor: BrowserContext, server: Served, record_property: pytest.RecordProperty
) -> None:
    page = await studio(visitor, server.base, "step")
    judge(await in_step(page, server, "step", STEP_S), server, record_property)


@pytest.mark.live
@pytest.mark.skipif(not RECOGNISER.exists(), reason="no recogniser is installed")
async def test_held_back_for_its_words_a_call_stays_in_step(
    visitor: BrowserContext, server: Served, record_property: pytest.RecordProperty
) -> None:
    page = await studio(visitor, server.base, "held")
    # Half a second off the beeps' period, so that what goes out at once would be seen.
    server.http.patch("/sessions/held/settings", json={"captions": {"on": True, "hold": True, "hold_s": 1.5}})
    found = await in_step(page, server, "held", STEP_S)
    judge(found, server, record_property)
    assert 400 < found["sound_ms"] < 1000


@pytest.mark.campaign
async def test_in_step_without_a_freeze_for_long(
    visitor: BrowserContext, server: Served, record_property: pytest.RecordProperty
) -> None:
    page = await studio(visitor, server.base, "long")
    found = await in_step(page, server, "long", 40)
    judge(found, server, record_property)
    assert -BEHIND_MS <= found["skew_ms"] <= AHEAD_MS, "the browser did not settle"


# Session time minus page time, from the reading that took the least to come; and the paragraphs that stood there when.
WATCH_WORDS = """() => {
    window.read = { ahead: -Infinity, seen: [] };
    setInterval(() => {
        const now = performance.now() / 1000;
        if (limelight.stats) read.ahead = Math.max(read.ahead, limelight.stats.time - now);
        const texts = [...document.querySelectorAll("#transcript li > span")].map((each) => each.textContent.trim());
        const last = read.seen.at(-1)?.texts;
        if (texts.join("\\n") !== (last ?? []).join("\\n")) read.seen.push({ now, texts });
    }, 10);
}"""


@pytest.mark.live
@pytest.mark.skipif(not RECOGNISER.exists(), reason="no recogniser is installed")
async def test_what_is_said_is_written_on_the_page(
    visitor: BrowserContext, server: Served, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    speech = mixture(tmp_path, text=SENTENCE).clean
    page = await studio(visitor, server.base, "said")
    await page.keyboard.press("v")  # a picture would only cost time
    await page.keyboard.press("c")
    await until(page, "limelight.settings.captions.on")
    await page.evaluate(WATCH_WORDS)
    await speak(visitor, page, np.concatenate([speech, np.zeros(60 * HZ, np.float32)]))
    try:
        await until(page, "document.querySelector('#captions .solid').textContent !== ''")
        await asyncio.sleep(len(speech) / HZ + 3)
        told = await written(page, server, "said")
        read = await page.evaluate("read")
        only_ever_appended([each["texts"] for each in read["seen"]])
        judge_words(told, read, record_property)
    except AssertionError:
        await real_time_or_give_up(page)
        raise


async def written(page: Page, server: Served, session: str) -> list[dict[str, object]]:
    """The session's segments, once the page shows the same."""
    for _ in range(200):
        told = server.http.get(f"/sessions/{session}/captions.json").json()["segments"]
        texts = await page.evaluate("read.seen.at(-1).texts")
        if texts == [segment["text"].strip() for segment in told] and told[-1]["final"]:
            return told
        await asyncio.sleep(0.2)
    raise AssertionError(f"the page shows {texts}, the session wrote {[segment['text'] for segment in told]}")


def only_ever_appended(readings: list[list[str]]) -> None:
    for before, after in pairwise(readings):
        assert len(after) >= len(before), f"{before} became {after}"
        for old, new in zip(before, after, strict=False):
            assert new.startswith(old), f"{old!r} became {new!r}"


def judge_words(told: list[dict[str, Any]], read: dict[str, Any], record_property: pytest.RecordProperty) -> None:
    words = [word for segment in told for word in segment["words"]]
    counts = [(each["now"], sum(len(text.split()) for text in each["texts"])) for each in read["seen"]]
    shown = [next(now for now, count in counts if count > number) for number in range(counts[-1][1])]
    delays = [now + read["ahead"] - word["end_s"] for now, word in zip(shown, words, strict=True)]
    alike = likeness(SENTENCE, " ".join(word["text"] for word in words))
    delay_s, late_s = (float(value) for value in np.quantile(delays, (0.5, 0.95)))
    record_property("likeness", alike)
    record_property("word_to_screen_s", delay_s)
    print(f"{alike:.0%} of the words; on the page {delay_s:.2f} s after they were said (p95 {late_s:.2f} s)")
    assert alike > LEAST_LIKE
    assert delay_s < LONGEST_WAIT_S


async def real_time_or_give_up(page: Page) -> None:
    try:
        await kept_up(page, 0)
    except TooBusy as busy:
        give_up(busy)


@pytest.mark.live
async def test_settings_are_heard_at_once_and_by_everybody(
    visitor: BrowserContext, server: Served, tmp_path: Path
) -> None:
    mix = mixture(tmp_path)
    page = await studio(visitor, server.base, "settings")
    await speak(visitor, page, mix.noisy - mix.clean)  # noise alone
    await settled(page)
    async with websockets.connect(f"{server.base.replace('http', 'ws')}/sessions/settings/events") as controller:
        assert json.loads(await controller.recv())["settings"]["enhance"]["on"]
        levels = [await _level_back(page)]
        await page.keyboard.press("b")
        await _told(controller, on=False)
        levels.append(await _level_back(page))
        await controller.send(json.dumps({"type": "set", "settings": {"enhance": {"on": True}}}))
        await until(page, "limelight.settings.enhance.on")
        levels.append(await _level_back(page))
    print("levels with enhance on, off, on:", [f"{level:.0f} dB" for level in levels])
    assert levels[1] > levels[0] + 6 and levels[1] > levels[2] + 6


async def _level_back(page: Page) -> float:
    """The level of the last second of what comes back, after a moment."""
    await asyncio.sleep(0.5)
    await page.evaluate("(async () => { window.back = await fake.hear(limelight.remoteStream); })()")
    await asyncio.sleep(1.5)
    return level_db((await recorded(page, "back"))[1][-HZ:])


async def _told(controller: websockets.ClientConnection, *, on: bool) -> None:
    async with asyncio.timeout(20):
        while True:
            message = json.loads(await controller.recv())
            if message["type"] == "settings" and message["settings"]["enhance"]["on"] is on:
                return


async def test_a_lost_connection_comes_back_with_its_settings(visitor: BrowserContext, server: Served) -> None:
    page = await studio(visitor, server.base, "back")
    await page.evaluate("fake.tone(300)")
    await page.keyboard.press("b")
    await until(page, "limelight.settings.enhance.on === false && limelight.stats !== null")
    lost = await page.evaluate("limelight.connectionId")
    server.http.delete(f"/sessions/back/connections/{lost}")
    await until(page, "limelight.reconnects === 1 && limelight.state === 'live'", within_s=20)
    assert await page.evaluate("limelight.connectionId") != lost
    assert await page.evaluate("limelight.settings.enhance.on") is False
    await settled(page)
    assert server.http.get("/sessions/back/settings").json()["enhance"]["on"] is False
    assert server.sessions()["back"]["publishers"] == 1


@pytest.mark.live
async def test_a_page_outlives_its_server(visitor: BrowserContext, record_property: pytest.RecordProperty) -> None:
    with serving() as before:
        page = await studio(visitor, before.base, "outlives")
        await page.keyboard.press("b")
        await until(page, "limelight.settings.enhance.on === false && limelight.stats !== null")
        before.process.kill()  # without a goodbye
        await until(page, "limelight.state === 'reconnecting'", within_s=10)
    with serving(port=int(before.base.rsplit(":")[-1])) as after:
        begin = time.monotonic()
        await until(page, "limelight.reconnects === 1 && limelight.state === 'live'", within_s=20)
        took_s = time.monotonic() - begin
        eventually(
            lambda: not after.http.get("/sessions/outlives/settings").json()["enhance"]["on"],
            within_s=BACK_S,
            what="the page has set its settings again",
        )
    record_property("back_s", took_s)
    print(f"live {took_s:.2f} s after the new server was ready")
    assert took_s < BACK_S

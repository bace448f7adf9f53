"""The anchor of a session: pictures with the time of their sound, from a process of its own."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.mouth import MOUTH
from models.rig import INDEX, aperture, posed
from streamer.frame import HOP, PICTURE_HZ, AudioFrame, VideoFrame
from streamer.settings import SettingsError
from streamer.stages import puppeteer
from streamer.stages.cast import cast_of
from streamer.stages.lipsync import LipSync
from tests.browser.clapper import claps, flashes
from tests.fakes import make_session
from tests.judges import HZ, beeps
from tests.likenesses import CONSENT, likeness
from tests.test_session import running

SMALL = {"anchor": {"on": True, "size": 128}}


class Jaw:
    """Opens with loudness, at once."""

    async def step(self, chunk):
        loud = float(np.abs(chunk).max() > 0.01)
        return np.array([[0.6 * loud if name == "jawOpen" else 0.0] for name in MOUTH], np.float32)

    def reset(self):
        pass

    def close(self):
        pass


async def talk_on(session, publisher, seconds):
    """Half a second of tone, half of silence, and so on, as a microphone gives it."""
    for index in range(int(seconds * 100)):
        loud = index // 50 % 2 == 0
        samples = np.full((1, HOP), 0.1 * loud, np.float32)
        pts = session.clock.pts(session.now(), 48_000) // HOP * HOP
        publisher.sound.offer(AudioFrame(pts, samples, arrival=session.now()))
        await asyncio.sleep(0.01)


async def test_pictures_come_with_the_time_of_their_sound_and_end_with_the_switch():
    session = make_session(lips=lambda: LipSync(Jaw))
    async with running(session, limit_s=60):
        events, pictures = session.events.subscribe(64), session.picture_out.subscribe(64)
        session.configure(SMALL)
        async with asyncio.timeout(20):
            first = await pictures.get()
            second = await pictures.get()
        assert (first.height, first.width) == (128, 128)
        assert second.pts > first.pts and second.pts % (PICTURE_HZ // 30) == 0
        assert {"state": "on", "synthetic": True} in [e.body for e in events.drain() if e.kind == "anchor"]
        assert session.anchor.stats()["synthetic"]
        session.configure({"anchor": {"background": "none"}})
        async with asyncio.timeout(20):
            while (await pictures.get()).width == 128:
                pass
        session.configure({"anchor": {"on": False}})
        async with asyncio.timeout(20):
            while not any(e.kind == "anchor" and e.body["state"] == "off" for e in events.drain()):
                await asyncio.sleep(0.02)
        assert session.anchor.stats() is None


async def test_a_portrait_of_the_cast_is_shown_and_its_consent_told(tmp_path):
    session = make_session(cast=cast_of([likeness(tmp_path)]))
    async with running(session, limit_s=60):
        events, pictures = session.events.subscribe(64), session.picture_out.subscribe(64)
        session.configure({"anchor": {**SMALL["anchor"], "character": "me"}})
        async with asyncio.timeout(20):
            shown = await pictures.get()
        assert shown.y[-20:, :40].std() > 5, "the plate that says what it is"
        told = [event.body for event in events.drain() if event.kind == "anchor"]
        assert told == [{"state": "on", "synthetic": True, "consent": CONSENT}]
        with pytest.raises(SettingsError, match="that of its picture"):
            session.configure({"anchor": {"background": "none"}})


async def test_the_mouth_follows_who_is_heard_and_sound_waits_for_it():
    session = make_session(lips=lambda: LipSync(Jaw))
    async with running(session, limit_s=60):
        session.configure(SMALL)
        rig = session.anchor.rig.subscribe(1000)
        publisher = session.publish()
        async with asyncio.timeout(20):
            await rig.get()
        await talk_on(session, publisher, 1.6)
        assert session.programme.wait_s >= 0.1
        widest = max(aperture(moment.pose) for moment in rig.drain())
        assert widest > 0.4
        assert session.anchor.made == 0, "nobody watches"


class Smiling:
    """A tracker that sees the same face in every picture."""

    def track(self, frame):
        return posed({"mouthSmile*": 0.9, "headYaw": 12.0})

    def close(self):
        pass


async def test_a_face_before_the_camera_moves_the_anchor_where_one_is_tracked():
    with pytest.raises(SettingsError, match="--face-model"):
        make_session().configure({"anchor": {"source": "face"}})
    session = make_session(tracker=Smiling)
    async with running(session, limit_s=60):
        session.configure({"anchor": {**SMALL["anchor"], "source": "face"}})
        rig = session.anchor.rig.subscribe(1000)
        publisher = session.publish()
        grey = [np.full((90 // part, 160 // part), 128, np.uint8) for part in (1, 2, 2)]
        async with asyncio.timeout(20):
            while (await rig.get()).pose[INDEX["headYaw"]] != 12.0:
                publisher.picture.offer(VideoFrame(session.clock.pts(session.now(), PICTURE_HZ), *grey, session.now()))
                await asyncio.sleep(0.02)


async def clap_on(session, publisher, seconds):
    """The clapper's sound, two hops at a time, as packets bring it."""
    sound, begun = claps(), session.now()
    first = session.clock.pts(begun, HZ) // HOP * HOP
    for index in range(int(seconds * 100)):
        at = index * HOP % (len(sound) // HOP * HOP)
        hop = sound[None, at : at + HOP]
        publisher.sound.offer(AudioFrame(first + index * HOP, hop, arrival=session.now()))
        await asyncio.sleep(max(0.0, begun + index // 2 * 0.02 - session.now()))


@pytest.mark.campaign
async def test_flash_and_beep_go_out_with_the_same_time(monkeypatch, record_property):
    monkeypatch.setattr(puppeteer, "PUPPET", "tests.browser.clapper")
    session = make_session(gain=1.0, lips=lambda: LipSync(Jaw, delay=7))
    async with running(session, limit_s=60):
        pictures, hops = session.picture_out.subscribe(2000), session.sound_out.subscribe(4000)
        session.configure({"anchor": {"on": True}})
        async with asyncio.timeout(20):
            await pictures.get()
        await clap_on(session, session.publish(), 20)
        sound, shown = hops.drain(), pictures.drain()
    assert np.all(np.diff([hop.pts for hop in sound]) == HOP)
    # The detector tells where its window of 5 ms begins, half of which the tone fills there.
    onsets = (sound[0].pts + beeps(np.concatenate([hop.samples[0] for hop in sound])) + HZ // 400) * 1000 / HZ
    log = [
        {
            "at": picture.pts / 90,
            "given": picture.pts / 90,
            "rtp": picture.pts,
            "light": (picture.y[0, 0] - 16.0) * 255 / 219,
            "count": n,
        }
        for n, picture in enumerate(shown)
    ]
    half, *_ = flashes(log)
    late = np.array([near for onset in onsets if abs(near := half[np.abs(half - onset).argmin()] - onset) < 500])
    record_property("flash_late_ms", float(np.median(late)))
    print(f"{len(late)} flashes late by {np.median(late):.1f} ms ({late.min():.0f} to {late.max():.0f})")
    assert len(late) > 12
    assert abs(np.median(late)) <= 20
    assert late.min() >= -60 and late.max() <= 40  # EBU R37

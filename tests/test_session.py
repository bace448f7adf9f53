"""Sessions: one publisher, many viewers, everything in step, nothing left behind."""

import asyncio
import contextlib

import numpy as np
import pytest

from streamer.channel import Closed
from streamer.frame import HOP, AudioFrame, Event, FormatError, VideoFrame
from streamer.publisher import Busy
from streamer.sessions import Full, NotFound, Sessions
from streamer.settings import SettingsError
from streamer.stages.airing import EditError
from streamer.telling import stats_of
from tests.fakes import make_session
from tests.scripted import Scripted, script


@contextlib.asynccontextmanager
async def running(session, *, limit_s=10):
    task = asyncio.create_task(session.run())
    try:
        async with asyncio.timeout(limit_s):
            await session.ready.wait()
            yield session
    finally:
        await session.close("test over")
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Attached:
    id, kind = "me", "whep"

    def __init__(self):
        self.reason = None

    async def close(self, reason):
        self.reason = reason


def picture(pts, arrival):
    plane = np.zeros((2, 2), np.uint8)
    return VideoFrame(pts, plane, plane[:1, :1], plane[:1, :1], arrival=arrival)


async def test_sound_comes_out_late_by_the_declared_delay_and_labelled_with_its_capture_time():
    async with running(make_session(gain=0.5, delay=480)) as session:
        out = session.sound_out.subscribe(100)
        publisher = session.publish()
        sound = np.random.default_rng(0).standard_normal((1, 4800)).astype(np.float32) * 0.1
        for at in range(0, 4800, 960):
            publisher.sound.offer(AudioFrame(10_000 + at, sound[:, at : at + 960], arrival=session.now()))
        hops = [await out.get() for _ in range(10)]
        assert [hop.pts for hop in hops] == [10_000 - 480 + HOP * index for index in range(10)]
        whole = np.concatenate([hop.samples for hop in hops], axis=1)
        assert np.allclose(whole[:, 480:], 0.5 * sound[:, :-480], atol=1e-6)


async def test_pictures_wait_for_the_sound_of_their_moment():
    async with running(make_session(delay=4800)) as session:
        out = session.picture_out.subscribe(10)
        publisher = session.publish()
        arrival = session.now()
        publisher.picture.offer(picture(9000, arrival))
        shown = await out.get()
        assert session.now() - arrival >= 0.1
        assert shown.pts == 9000


async def test_a_setting_is_heard_at_once_and_told_to_all():
    async with running(make_session(gain=0.0, delay=0)) as session:
        events, out = session.events.subscribe(10), session.sound_out.subscribe(100)
        publisher = session.publish()
        session.configure({"enhance": {"on": False}})
        for index in range(10):
            publisher.sound.offer(AudioFrame(HOP * index, np.ones((1, HOP), np.float32)))
        hops = [await out.get() for _ in range(10)]
        assert np.all(hops[-1].samples == 1.0)
        kinds = [(await events.get()).kind for _ in range(2)]
        assert kinds == ["publisher", "settings"]


async def test_a_voice_changer_that_is_not_in_the_path_cannot_be_switched_on():
    async with running(make_session()) as session:
        with pytest.raises(SettingsError, match="--changer"):
            session.configure({"changer": {"on": True}})
        assert not session.settings.changer.on


async def test_one_publisher_at_a_time():
    async with running(make_session()) as session:
        first = session.publish()
        with pytest.raises(Busy):
            session.publish()
        session.unpublish(first)
        session.unpublish(first)
        session.publish()


async def test_who_takes_over_starts_from_silence_and_the_rest_of_the_other_is_dropped():
    async with running(make_session(gain=1.0, delay=480)) as session:
        out = session.sound_out.subscribe(100)
        first = session.publish()
        for index in range(10):
            first.sound.offer(AudioFrame(HOP * index, np.ones((1, HOP), np.float32)))
        session.unpublish(first)
        second = session.publish()
        second.sound.offer(AudioFrame(48_000, np.full((1, HOP), 0.5, np.float32)))
        hop = await out.get()
        assert (hop.pts, hop.epoch) == (48_000 - 480, 2)
        assert not hop.samples.any()


async def test_speech_is_announced_at_the_time_it_began():
    async with running(make_session()) as session:
        events = session.events.subscribe(10)
        publisher = session.publish()
        for index in range(20):
            loud = np.full((1, HOP), 0.5 if index >= 10 else 0.0, np.float32)
            publisher.sound.offer(AudioFrame(HOP * index, loud))
            await asyncio.sleep(0)
        while (event := await events.get()).kind != "speech":
            pass
        assert event == Event("speech", {"state": "start", "time_s": 0.1})


async def test_closing_says_goodbye_and_frees_the_slots():
    session = make_session()
    connection = Attached()
    async with running(session):
        events = session.events.subscribe(10)
        session.attach(connection)
        assert session.viewers == 1
    assert connection.reason == "test over"
    assert (await events.get()).kind == "bye"
    assert session.path.stages[0]._lease.closed
    with pytest.raises(Closed):
        session.publish()


SAID = script("one two three four", start_s=0.5)


async def speak(session, publisher, seconds, *, start_s=0.0, slower=1.0):
    """Sound that the stand-in for the voice detector takes for speech from 0.5 to 1.9 s."""
    for index in range(round(start_s * 100), round((start_s + seconds) * 100)):
        level = 0.25 if 50 <= index < 190 else 0.0
        frame = AudioFrame(HOP * index, np.full((1, HOP), level, np.float32), arrival=session.now())
        await publisher.sound.put(frame)
        await asyncio.sleep(0.002 * slower)


async def texts(stream):
    """Committed words so far, and the last tail."""
    words, tail = [], ""
    while (event := stream.get_nowait()) is not None:
        if event.kind == "caption":
            words += event.body["committed"].split()
            tail = event.body["tail"]
    return words, tail


async def test_captions_come_with_the_events_when_they_are_on_and_can_be_switched_while_it_runs():
    async with running(make_session(recogniser=Scripted(SAID))) as session:
        stream, publisher = session.events.subscribe(1000), session.publish()
        await speak(session, publisher, 0.3)
        assert await texts(stream) == ([], "")
        session.configure({"captions": {"on": True}})
        await speak(session, publisher, 3.7, start_s=0.3)
        assert await texts(stream) == (["one", "two", "three", "four"], "")
        assert [segment.text for segment in session.transcript.segments] == ["one two three four"]
        assert stats_of(session)["captions"]["failures"] == 0


async def test_clean_sound_can_be_what_is_listened_to():
    recogniser = Scripted(SAID)
    async with running(make_session(recogniser=recogniser, delay=480)) as session:
        session.configure({"captions": {"on": True, "source": "clean"}})
        await speak(session, session.publish(), 4)
        ((first, _),) = recogniser.segments
        assert (first + 480) % HOP == 0 and session.transcript.segments[0].text == "one two three four"


async def test_a_recogniser_that_fails_never_disturbs_the_sound():
    recogniser = Scripted(SAID)
    recogniser.fail = True
    async with running(make_session(gain=1.0, delay=0, recogniser=recogniser)) as session:
        session.configure({"captions": {"on": True}})
        out = session.sound_out.subscribe(1000)
        await speak(session, session.publish(), 3)
        assert [(await out.get()).pts for _ in range(300)] == [HOP * index for index in range(300)]
        assert stats_of(session)["captions"]["failures"] > 0
        assert 'limelight_step_failures_total{stage="captions"}' in str(session.report.metrics.text())


async def test_held_back_sound_and_picture_keep_in_step_and_go_out_with_their_words():
    async with running(make_session(gain=1.0, delay=480, recogniser=Scripted(SAID))) as session:
        session.configure({"captions": {"on": True, "hold": True, "hold_s": 1.2, "bleep": ["three"]}})
        stream, publisher = session.events.subscribe(1000), session.publish()
        sound, pictures = session.sound_out.subscribe(1000), session.picture_out.subscribe(100)
        at = session.now()
        publisher.picture.offer(picture(0, at))
        await speak(session, publisher, 1.2)
        await speak(session, publisher, 2.8, start_s=1.2)
        assert (await pictures.get()).pts == 0 and session.now() - at >= 1.21
        session.unpublish(publisher)
        hops = [await sound.get() for _ in range(400)]
        assert [hop.pts for hop in hops] == [HOP * index - 480 for index in range(400)]
        whole = np.concatenate([hop.samples for hop in hops], axis=1)[0, 480:]
        from_, to = (round(at * 48_000) for at in (SAID[2].start_s, SAID[2].end_s))
        assert np.abs(whole[from_:to]).max() < 0.11
        assert (whole[26_000:50_000] == 0.25).all()
        assert await texts(stream) == (["one", "two", "*****", "four"], "")
        assert not len(session.programme._airing._hops)


async def test_captions_are_burnt_into_the_picture_that_goes_out():
    async with running(make_session(delay=0, recogniser=Scripted(SAID))) as session:
        session.configure({"captions": {"on": True, "burn": True}})
        pictures, publisher = session.picture_out.subscribe(100), session.publish()
        planes = [np.full(size, 128, np.uint8) for size in ((180, 320), (90, 160), (90, 160))]
        publisher.picture.offer(VideoFrame(0, *planes, arrival=session.now()))
        assert (await pictures.get()).y.max() == 128
        await speak(session, publisher, 2)
        publisher.picture.offer(VideoFrame(180_000, *planes, arrival=session.now()))
        assert (await pictures.get()).y.max() == 235 and planes[0].max() == 128


async def test_a_line_is_edited_before_it_airs():
    async with running(make_session(recogniser=Scripted(SAID))) as session:
        session.configure({"captions": {"on": True, "hold": True, "hold_s": 3.0}})
        stream, publisher = session.events.subscribe(1000), session.publish()
        await speak(session, publisher, 2.8)
        events = [event for event in iter(stream.get_nowait, None) if event.kind in ("line", "caption")]
        assert events[-1].body["text"] == "one two three four" and events[-1].body["state"] == "pending"
        assert events[-1].body["airs_s"] == pytest.approx(3.5)
        session.programme.edit(1, "mend", "one to free")
        await speak(session, publisher, 2.4, start_s=2.8)
        assert await texts(stream) == (["one", "to", "free"], "")
        with pytest.raises(EditError, match="gone out"):
            session.programme.edit(1, "delete")
        session.configure({"captions": {"hold": False}})
        with pytest.raises(EditError, match=r"captions\.hold"):
            session.programme.edit(1, "delete")


@pytest.fixture
async def sessions():
    registry = Sessions(make_session_of, capacity=2, idle_s=0.1, longest_s=60)
    owner = asyncio.create_task(registry.run())
    await asyncio.sleep(0)
    yield registry
    owner.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await owner


def make_session_of(name, channels):
    return make_session(name, channels)


async def test_sessions_are_made_once_and_bounded(sessions):
    first = await sessions.open("a", channels=1)
    assert await sessions.open("a", channels=1) is first
    await sessions.open("b", channels=2)
    with pytest.raises(Full, match="2 sessions"):
        await sessions.open("c", channels=1)
    with pytest.raises(NotFound, match="begins when"):
        sessions.find("c")
    with pytest.raises(FormatError, match="letters"):
        await sessions.open("../etc", channels=1)


async def test_a_session_that_nobody_is_attached_to_ends(sessions):
    session = await sessions.open("idle", channels=1)
    session.attach(Attached())
    await sessions._sweep()
    assert len(sessions) == 1
    session.detach(next(iter(session.connections.values())))
    await asyncio.sleep(0.15)
    await sessions._sweep()
    await asyncio.wait_for(sessions._empty.wait(), 5)


async def test_a_broken_session_ends_alone(sessions):
    broken, well = await sessions.open("broken", channels=1), await sessions.open("well", channels=1)

    async def fail():
        raise ArithmeticError

    events = broken.events.subscribe(10)
    broken.spawn(fail(), "fail")
    async with asyncio.timeout(5):
        while len(sessions) > 1:
            await asyncio.sleep(0.01)
    assert sessions.find("well") is well
    assert [event.kind async for event in events][-1] == "bye"


async def test_draining_takes_no_more_and_closes_all(sessions):
    await sessions.open("a", channels=1)
    await asyncio.wait_for(sessions.drain(5), 6)
    assert len(sessions) == 0
    with pytest.raises(Full, match="shutting down"):
        await sessions.open("b", channels=1)

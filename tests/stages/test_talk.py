"""A session's own voice: alone or with a publisher, stamped, told word by word, stopped by who speaks."""

import asyncio
import contextlib

import numpy as np
import pytest

from streamer.frame import HOP, SOUND_HZ, AudioFrame, FormatError
from streamer.settings import Voice
from streamer.stages.mouth import AHEAD
from streamer.stages.saying import Saying
from streamer.stages.speech import Speech
from streamer.stages.talk import LONGEST_TEXT, NoVoice, Talk
from streamer.telling import stats_of
from tests.fakes import Loud, make_session
from tests.scripted import Scripted
from tests.test_session import running
from tests.voiced import LEVEL, Tones


class Ears:
    """Whatever a session sends out and tells, kept as it comes."""

    def __init__(self, session):
        self.session, self.hops, self.events = session, [], []
        self._sound, self._events = session.sound_out.subscribe(1000), session.events.subscribe(1000)
        self.said = session.talk.said.subscribe(10_000)

    def listen(self):
        self.hops += self._sound.drain()
        self.events += [event for event in self._events.drain() if event.kind != "stats"]

    async def until(self, condition):
        while not condition(self):
            await asyncio.sleep(0.005)
            self.listen()

    @property
    def states(self):
        return [event.body["state"] for event in self.events if event.kind == "saying"]

    def state(self, name):
        return [event.body for event in self.events if event.kind == "saying" and event.body["state"] == name]

    def sound(self):
        """From the first hop on, by its pts."""
        whole = np.zeros(self.hops[-1].end - self.hops[0].pts, np.float32)
        for hop in self.hops:
            at = hop.pts - self.hops[0].pts
            whole[at : at + HOP] = hop.samples[0]
        return whole


@contextlib.asynccontextmanager
async def talking(**options):
    async with running(make_session(voice=options.pop("voice", None) or Tones(), **options)) as session:
        yield session, Ears(session)


async def test_a_typed_voice_is_heard_without_a_publisher_where_it_was_stamped():
    async with talking(channels=2) as (session, ears):
        assert session.talk.say("Hello there.") == 1
        await ears.until(lambda ears: "said" in ears.states)
        assert ears.states == ["given", "word", "word", "said"]
        hello, there = ears.state("word")
        assert (hello["text"], hello["begin"], hello["end"]) == ("Hello", 0, 5)
        assert there["start_s"] == pytest.approx(hello["end_s"], abs=1e-3)
        sound, chunks = ears.sound(), ears.said.drain()
        first = ears.hops[0].pts + np.flatnonzero(np.abs(sound) > 1e-3)[0]
        assert abs(first - hello["start_s"] * SOUND_HZ) < 30
        assert chunks[0].pts == pytest.approx(hello["start_s"] * SOUND_HZ, abs=24)
        assert [phone.name for chunk in chunks for phone in chunk.phones] == ["AH0", "AH0"]
        assert abs(np.count_nonzero(np.abs(sound) > 1e-3) / SOUND_HZ - 0.6) < 0.02
        assert ears.hops[0].samples.shape[0] == 2
        pts = [hop.pts for hop in ears.hops]
        assert np.all(np.diff(pts) == HOP)


async def test_it_is_no_more_than_400_ms_ahead_of_what_goes_out():
    async with talking() as (session, ears):
        session.talk.say("one, two, three, four, five, six, seven, eight,")
        loads = []
        while len(ears.hops) < 60:
            await asyncio.sleep(0.005)
            ears.listen()
            loads.append(stats_of(session)["voice"]["ahead_ms"])
        assert 300 < max(loads) <= AHEAD * 1000 / SOUND_HZ


class Scene:
    """A `Talk` on a clock that moves by hops: what a person says comes in as what goes out goes out."""

    def __init__(self):
        self.now, self.pts, self.settings = 100.0, 0, Voice()
        self.events, self.out, self.speech = [], [], Speech(Loud())
        self.felt = []
        self.talk = Talk(
            lambda: Saying(Tones()),
            settings=lambda: self.settings,
            channels=1,
            now=lambda: self.now,
            pts=lambda: self.pts,
            air=self._never,
            publish=self.events.append,
            failed=lambda: None,
            feel=lambda begin, emotion: self.felt.append((begin, emotion)),
        )

    async def _never(self, _hop):
        raise AssertionError("while somebody publishes, nothing else makes hops")

    async def go(self, seconds, *, level=0.0, echo=0.0):
        """`level`: how loud the person is; `echo`: how much of what went out 100 ms ago comes in again."""
        for _ in range(round(seconds * 100)):
            noise = np.random.default_rng(self.pts).standard_normal((1, HOP)).astype(np.float32)
            back = self.out[-10] if len(self.out) > 10 else np.zeros((1, HOP), np.float32)
            hop = AudioFrame(self.pts, level * noise + echo * back)
            self.events += await self.speech.observe([hop])
            self.talk.hear(hop, self.speech.probability, speaking=self.speech.speaking)
            for _ in range(20):
                await asyncio.sleep(0)
            out = AudioFrame(self.pts, np.zeros((1, HOP), np.float32))
            self.talk.follow(out)
            self.out.append(self.talk.mix(out).samples)
            self.pts, self.now = self.pts + HOP, self.now + HOP / SOUND_HZ

    @property
    def states(self):
        return [event.body["state"] for event in self.events if event.kind == "saying"]

    def state(self, name):
        return [event.body for event in self.events if event.kind == "saying" and event.body["state"] == name]

    @property
    def sound(self):
        return np.concatenate(self.out, axis=1)[0]


@contextlib.asynccontextmanager
async def scene():
    made = Scene()
    running = asyncio.create_task(made.talk.run())
    await made.go(0.1)
    yield made
    running.cancel()
    await asyncio.wait([running])
    made.talk.close()


async def test_who_speaks_stops_it_within_60_ms_and_is_told_which_words_were_said():
    async with scene() as here:
        here.talk.say("One two three four five. Six.")
        await here.go(0.7)
        await here.go(0.5, level=0.2)
        assert here.states == ["given", "word", "word", "word", "held", "cut"]
        start = next(event for event in here.events if event.kind == "speech").body["time_s"]
        assert start == pytest.approx(0.8, abs=0.011)
        last = np.flatnonzero(here.sound)[-1] / SOUND_HZ
        assert last - (start + 0.06) < 0.06  # the detector waits for 60 ms to be sure
        assert np.abs(np.diff(here.sound)).max() < 1.1 * LEVEL * 2 * np.pi * 300 / SOUND_HZ, "no click"
        (cut,) = here.state("cut")
        assert (cut["said"], cut["end"], cut["reason"]) == ("One two", 7, "speech")
        here.talk.say("Again.")
        await here.go(0.5)
        assert here.states[-2:] == ["given", "word"] and here.state("word")[-1]["text"] == "Again"


async def test_a_false_alarm_goes_on_with_the_word_that_was_cut():
    async with scene() as here:
        here.talk.say("One two three four.")
        await here.go(0.7)
        await here.go(0.1, level=0.2)
        await here.go(1.7)
        assert [state for state in here.states if state != "word"] == ["given", "held", "resumed", "said"]
        assert [word["text"] for word in here.state("word")] == ["One", "two", "three", "three", "four"]
        assert np.abs(np.diff(here.sound)).max() < 1.1 * LEVEL * 2 * np.pi * 300 / SOUND_HZ


async def test_its_own_echo_is_no_interruption_but_a_person_over_it_is():
    async with scene() as here:
        here.talk.say("One two three four five six seven.")
        await here.go(1.2, echo=0.5)
        assert any(event.kind == "speech" for event in here.events), "the detector takes it for speech"
        assert "held" not in here.states
        await here.go(0.8, echo=0.5, level=1.0)
        assert here.states[-1] == "cut"


async def test_who_speaks_already_does_not_stop_what_is_said_on_purpose():
    async with scene() as here:
        await here.go(0.3, level=0.2)
        here.talk.say("One two.")
        await here.go(1.0, level=0.2)
        assert here.states[-1] == "said" and "held" not in here.states


async def test_barge_in_can_be_switched_off():
    async with scene() as here:
        here.settings = Voice(barge_in=False)
        here.talk.say("One two.")
        await here.go(0.3)
        await here.go(0.8, level=0.2)
        assert here.states == ["given", "word", "word", "said"]


async def test_it_is_added_to_what_the_publisher_sends():
    async with talking(gain=1.0, delay=0) as (session, ears):
        session.configure({"voice": {"barge_in": False}})
        publisher = session.publish()
        session.talk.say("One.")
        first = session.clock.pts(session.now(), SOUND_HZ)
        for index in range(60):
            publisher.sound.offer(AudioFrame(first + HOP * index, np.full((1, HOP), 0.1, np.float32)))
            await asyncio.sleep(0.01)
        await ears.until(lambda ears: "said" in ears.states)
        assert np.abs(ears.sound()).max() == pytest.approx(0.1 + LEVEL, abs=0.01)


@pytest.mark.parametrize(("captions", "waits"), [({}, False), ({"on": True, "hold": True, "hold_s": 0.5}, True)])
async def test_it_waits_for_captions_with_all_that_goes_out_but_not_for_lips(captions, waits):
    async with talking(recogniser=Scripted([])) as (session, ears):
        session.configure({"captions": captions})
        session.programme._least_hold_s = lambda: 0.12
        session.talk.say("One.")
        await ears.until(lambda ears: "word" in ears.states)
        assert any(hop.samples.any() for hop in session.programme._airing._hops) == waits
        await ears.until(lambda ears: any(hop.samples.any() for hop in ears.hops))


async def test_a_publisher_whose_sound_has_stopped_does_not_silence_it():
    async with talking(gain=1.0, delay=0) as (session, ears):
        session.talk.say("One.")
        publisher = session.publish()
        await ears.until(lambda ears: "said" in ears.states)
        first = session.clock.pts(session.now(), SOUND_HZ)
        for index in range(10):
            publisher.sound.offer(AudioFrame(first + HOP * index, np.full((1, HOP), 0.001, np.float32)))
        await ears.until(lambda ears: ears.hops[-1].pts == first + 9 * HOP)
        count = len(ears.hops)
        await asyncio.sleep(0.1)
        ears.listen()
        assert len(ears.hops) == count, "its pauses are its own"
        session.talk.say("Two.")
        await ears.until(lambda ears: ears.states.count("said") == 2)
        assert [word["text"] for word in ears.state("word")] == ["One", "Two"]


async def test_stop_drops_all_that_waits():
    async with talking() as (session, ears):
        session.talk.say("One two three.")
        session.talk.say("Four.")
        await ears.until(lambda ears: "word" in ears.states)
        session.talk.stop()
        await asyncio.sleep(0.1)
        ears.listen()
        assert [(cut["line"], cut["said"], cut["reason"]) for cut in ears.state("cut")] == [
            (1, "", "stop"),
            (2, "", "stop"),
        ]
        quiet = ears.hops[-1].samples
        assert not quiet.any()
        session.talk.say("Five.")
        await ears.until(lambda ears: "said" in ears.states)
        assert ears.state("word")[-1]["text"] == "Five"


async def test_a_line_may_come_by_pieces_and_places_count_from_its_beginning():
    async with talking() as (session, ears):
        session.talk.say("First. ")
        assert session.talk.say("One ", more=True) == session.talk.say("two", more=True) == session.talk.say("")
        await ears.until(lambda ears: ears.states.count("said") == 2)
        assert [(word["line"], word["text"], word["begin"]) for word in ears.state("word")] == [
            (1, "First", 0),
            (2, "One", 0),
            (2, "two", 4),
        ]


async def test_an_emotion_may_be_torn_anywhere_and_is_felt_not_said():
    whole = "Oh [sad] no, [happy] yes."
    for cut in range(4, len(whole) - 5):
        async with scene() as here:
            here.talk.say(whole[:cut], more=True)
            here.talk.say(whole[cut:])
            await here.go(2)
            assert [word["text"] for word in here.state("word")] == ["Oh", "no", "yes"]
            places = {word["text"]: word["begin"] for word in here.state("word")}
            begins = [begin for begin, _ in here.felt]
            assert [emotion for _, emotion in here.felt] == ["sad", "happy"]
            assert places["Oh"] < begins[0] <= places["no"] < begins[1] <= places["yes"]


async def test_what_was_no_emotion_after_all_is_said_or_told():
    async with scene() as here:
        for piece in ("One [", "two", " three", " [hap"):
            here.talk.say(piece, more=True)
        here.talk.say("")
        here.talk.say("Four [ha", more=True)
        with pytest.raises(FormatError, match=r"did you mean \[happy\]"):
            here.talk.say("py][hapy]", more=True)
        here.talk.say("five.")
        here.talk.say("[sa", more=True)
        here.talk.stop()
        here.talk.say("d] six.")
        await here.go(1)
        assert [line["text"] for line in here.state("given")] == [
            *("One ", "", "[two three", " ", "[hap", "Four ", "five.", "", "d] six."),
        ]
        assert not any(emotion for _, emotion in here.felt)


async def test_what_cannot_be_said_is_told():
    async with talking() as (session, ears):
        session.talk.say("One #two.")
        await ears.until(lambda ears: "said" in ears.states)
        assert ears.state("unspoken")[0]["text"] == ["#two"]


async def test_a_voice_that_fails_costs_its_text_alone():
    voice = Tones()
    async with talking(voice=voice) as (session, ears):
        voice.fail = True
        session.talk.say("One.")
        await ears.until(lambda ears: "cut" in ears.states)
        assert ears.state("cut")[0]["reason"] == "failure"
        voice.fail = False
        session.talk.say("Two.")
        await ears.until(lambda ears: "said" in ears.states)


@pytest.mark.parametrize(("text", "says"), [("", "empty"), (" \n", "empty"), ("a" * (LONGEST_TEXT + 1), "at most")])
async def test_text_that_makes_no_sense_is_refused(text, says):
    async with talking() as (session, _):
        with pytest.raises(FormatError, match=says):
            session.talk.say(text)


async def test_without_a_voice_that_is_said():
    async with running(make_session()) as session:
        with pytest.raises(NoVoice, match="--voice"):
            session.talk.say("One.")


async def test_the_voice_is_given_back_with_the_session():
    voice = Tones(slots=1)
    async with talking(voice=voice) as (session, ears):
        session.talk.say("One.")
        assert voice.free == 0
        await ears.until(lambda ears: "word" in ears.states)
    assert voice.free == 1

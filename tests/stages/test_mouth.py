"""The mouth: where generated sound lies, that it starts and stops without a click, and what is told of it."""

import numpy as np
import pytest

from models.tts.types import Phone, SpokenWord
from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.mouth import AHEAD, CEILING, LEAD, RAMP, Mouth
from streamer.stages.voice import PIECE, SILENCE, Piece


class Heard:
    """A mouth, the hops that went out of it and what it told."""

    def __init__(self):
        self.chunks, self.words, self.flushes, self.hops = [], [], 0, []
        self.mouth = Mouth(stamped=self.chunks.append, began=self.words.append, done=self._flushed)
        self.pts = 1000

    def _flushed(self):
        self.flushes += 1

    def hop(self, count=1, level=0.0):
        for _ in range(count):
            hop, voice = self.mouth.mix(AudioFrame(self.pts, np.full((2, HOP), level, np.float32)))
            self.hops.append(hop.samples)
            assert voice.shape == (1, HOP)
            self.pts += HOP

    def say(self, seconds, level=0.25, words=(), first=0):
        """A level tone by pieces, and words of it by their times."""
        for begin in range(0, round(seconds * SOUND_HZ), PIECE):
            at = begin / SOUND_HZ
            here = [w for w in words if at <= w.start_s < at + PIECE / SOUND_HZ]
            moved = tuple(SpokenWord(w.text, w.begin, w.end, w.start_s - at, w.end_s - at) for w in here)
            phones = tuple(Phone("AA1", w.start_s, w.end_s) for w in moved)
            self.mouth.put(Piece(np.full((1, PIECE), level, np.float32), phones, moved))

    @property
    def sound(self):
        return np.concatenate(self.hops, axis=1)[0]


@pytest.fixture
def heard():
    heard = Heard()
    heard.hop()
    return heard


TWO = (SpokenWord("one", 0, 3, 0.0, 0.1), SpokenWord("two", 4, 7, 0.1, 0.24))


def test_sound_goes_out_where_it_was_stamped_to_the_sample(heard):
    heard.say(0.24, words=TWO)
    assert [chunk.pts for chunk in heard.chunks[:2]] == [1000 + HOP + LEAD, 1000 + HOP + LEAD + PIECE]
    heard.hop(40)
    out = np.flatnonzero(heard.sound)
    start = heard.chunks[0].pts - 1000
    assert start <= out[0] <= start + 1 and out[-1] == start + 12 * PIECE - 2  # the ramps' ends are zero
    assert [(word.text, round((word.start_s * SOUND_HZ - 1000) - start)) for word in heard.words] == [
        ("one", 0),
        ("two", 4800),
    ]
    assert [phone.name for chunk in heard.chunks for phone in chunk.phones] == ["AA1", "AA1"]
    assert heard.chunks[5].words[0].start_s == pytest.approx(heard.chunks[0].pts / SOUND_HZ + 0.1)


def test_it_is_added_to_what_goes_out_and_both_stay_under_the_ceiling(heard):
    heard.say(0.1, level=0.5)
    heard.hop(9, level=0.1)
    assert np.allclose(heard.hops[-2], 0.6, atol=1e-6)
    heard.say(0.2, level=0.8)
    heard.hop(20, level=0.8)
    assert 0.85 < heard.sound.max() < CEILING


@pytest.mark.parametrize("stop", ["hold", "drop"])
def test_it_stops_within_5_ms_without_a_click(heard, stop):
    heard.say(0.3)
    heard.hop(12)
    assert heard.sound[-1] == pytest.approx(0.25)
    before = len(heard.sound)
    getattr(heard.mouth, stop)()
    heard.hop(5)
    last = np.flatnonzero(heard.sound)[-1]
    assert last < before + RAMP
    assert np.abs(np.diff(heard.sound)).max() < 0.25 / RAMP * 1.1  # no step larger than the ramp's own
    cut = heard.chunks[-1]
    assert cut.samples.shape[1] == 0 and cut.epoch > heard.chunks[-2].epoch and cut.pts >= 1000 + last


def test_after_a_hold_the_cut_word_is_said_again_from_its_beginning(heard):
    heard.say(0.24, words=TWO)
    heard.hop(6 + 14)  # the lead, then 40 ms into "two"
    heard.mouth.hold()
    heard.hop(10)
    assert heard.mouth.cut.text == "two"
    told = len(heard.chunks)
    heard.mouth.resume()
    heard.hop(20)
    assert [word.text for word in heard.words] == ["one", "two", "two"]
    again = heard.chunks[told:]
    assert round(sum(chunk.samples.shape[1] for chunk in again) / SOUND_HZ, 3) == 0.14
    assert again[0].words[0].text == "two" and again[0].epoch == heard.chunks[told - 1].epoch
    assert np.abs(np.diff(heard.sound)).max() < 0.25 / RAMP * 1.1


def test_what_is_dropped_is_never_heard_and_what_follows_is(heard):
    heard.say(0.3, level=0.25)
    heard.hop(10)
    heard.mouth.drop()
    assert heard.mouth.load == 0
    heard.say(0.1, level=0.125)
    heard.hop(30)
    after = heard.sound[11 * HOP + RAMP :]
    assert 0 < after.max() <= 0.125


def test_sound_that_comes_too_late_leaves_a_pause_without_a_click(heard):
    heard.say(0.1)
    heard.hop(30)
    heard.say(0.1)
    heard.hop(30)
    assert np.abs(np.diff(heard.sound)).max() < 0.25 / RAMP * 1.1
    assert np.count_nonzero(heard.sound) > 2 * 4800 - 10


def test_a_flush_is_told_when_all_before_it_went_out(heard):
    heard.say(0.1)
    heard.mouth.put(Piece(SILENCE, flushed=True))
    heard.hop(6 + 9)
    assert heard.flushes == 0
    heard.hop(2)
    assert heard.flushes == 1
    heard.mouth.put(Piece(SILENCE, flushed=True))
    heard.hop()
    assert heard.flushes == 2


def test_what_is_kept_of_the_past_is_bounded(heard):
    for _ in range(200):
        heard.say(0.1)
        heard.hop(10)
    assert heard.mouth.load < AHEAD
    assert len(heard.mouth._placed) * PIECE < 2 * SOUND_HZ + AHEAD

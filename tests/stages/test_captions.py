"""Captions: committed words stay, the tail may change, nothing is heard outside of speech, and lag never grows."""

from dataclasses import replace

import numpy as np
import pytest

from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.captions import Captioner
from streamer.stages.recognise import Pace
from streamer.stages.segment import CaptionRules
from tests.scripted import Scripted, script


def hops(seconds, *, spoken, start_s=0.0):
    """Hops with how likely they are speech: 0.95 within `spoken` `(from_s, to_s)` pairs, else 0.02."""
    for index in range(round(seconds * 100)):
        at_s = start_s + index / 100
        likely = 0.95 if any(a <= at_s < b for a, b in spoken) else 0.02
        yield AudioFrame(round(at_s * SOUND_HZ), np.zeros((1, HOP), np.float32)), likely


async def captions_of(captioner, stream):
    told = []
    for hop, likely in stream:
        told += await captioner.hear(hop, likely)
    return told + await captioner.end()


def committed(captions):
    return " ".join(word.text for caption in captions for word in caption.committed)


def spans(words, pad_s=0.05):
    return [(words[0].start_s - pad_s, words[-1].end_s + pad_s)]


WORDS = script("one two three four five six", start_s=1.0)
LATER = script("seven eight", start_s=6.0)


async def test_words_are_guessed_then_committed_once_and_a_pause_ends_the_segment():
    recogniser = Scripted([*WORDS, *LATER], guess=lambda text: text[:-1] + "?")
    captioner = Captioner(recogniser)
    told = await captions_of(captioner, hops(9, spoken=spans(WORDS) + spans(LATER)))
    assert committed(told) == "one two three four five six seven eight"
    assert [caption.segment for caption in told if caption.final] == [1, 2]
    assert {caption.segment for caption in told} == {1, 2}
    assert any(caption.tail for caption in told) and captioner.revised > 0
    assert not any(caption.tail for caption in told if caption.final)
    assert {caption.pace for caption in told} == {Pace.LIVE} and {caption.lag_s for caption in told} == {0.0}


async def test_the_first_phone_is_heard_and_silence_is_not():
    recogniser = Scripted(WORDS)
    await captions_of(Captioner(recogniser), hops(20, spoken=spans(WORDS)))
    ((first, last),) = recogniser.segments
    assert 0.2 <= WORDS[0].start_s - first / SOUND_HZ <= 0.4
    assert last / SOUND_HZ - WORDS[-1].end_s < 1.0


async def test_nothing_is_heard_where_nobody_speaks():
    recogniser = Scripted(WORDS)
    assert await captions_of(Captioner(recogniser), hops(5, spoken=[])) == []
    assert recogniser.segments == []


async def test_words_that_are_not_believed_or_not_spoken_are_left_out():
    unsure, elsewhere = script("maybe", start_s=4.0, confidence=0.05), script("ghost", start_s=5.3)
    script_ = [*WORDS, *unsure, *elsewhere]
    captioner = Captioner(Scripted(script_), rules=CaptionRules(pause_ms=3000, settled_ms=3000, wordless_s=9))
    told = await captions_of(captioner, hops(9, spoken=[(0.95, 4.9)]))
    assert committed(told) == "one two three four five six"
    assert "maybe" not in str(told) and "ghost" not in str(told)


async def test_a_word_ends_with_the_speech_however_long_its_last_phone_is_drawn():
    last = replace(WORDS[-1], end_s=WORDS[-1].end_s + 1.5)
    captioner = Captioner(Scripted([*WORDS[:-1], last]), rules=CaptionRules(pause_ms=3000, settled_ms=3000))
    told = await captions_of(captioner, hops(9, spoken=spans(WORDS)))
    assert committed(told) == "one two three four five six"
    ends = [word.end_s for caption in told for word in caption.committed]
    assert ends == pytest.approx([*(word.end_s for word in WORDS[:-1]), WORDS[-1].end_s + 0.05], abs=0.011)


async def test_a_murmur_that_is_never_surely_speech_is_not_written():
    captioner, told = Captioner(Scripted(WORDS)), []
    for hop, likely in hops(6, spoken=spans(WORDS)):
        told += await captioner.hear(hop, min(likely, 0.7))
    assert told + await captioner.end() == []
    unsure = Captioner(Scripted(script("one two three", start_s=1.0, confidence=0.4)))
    assert await captions_of(unsure, hops(6, spoken=spans(WORDS))) == []


async def test_somebody_who_never_pauses_is_cut_between_words_and_loses_none():
    words = script(" ".join(f"w{i}" for i in range(200)))
    recogniser = Scripted(words)
    told = await captions_of(Captioner(recogniser), hops(71, spoken=[(0, 70.1)]))
    assert committed(told).split() == [word.text for word in words]
    finals = [caption for caption in told if caption.final]
    assert len(finals) >= 4
    for first, last in recogniser.segments:
        assert (last - first) / SOUND_HZ < 21
    for first, _ in recogniser.segments[1:]:
        inside = [w for w in words if w.start_s + 0.02 < first / SOUND_HZ < w.end_s - 0.02]
        assert not inside, "a word was cut in two"


async def test_a_segment_that_lasts_long_ends_at_a_breath():
    first, second = script(" ".join("a" * 40)), script(" ".join("b" * 20), start_s=14.3)
    told = await captions_of(Captioner(Scripted([*first, *second])), hops(25, spoken=spans(first) + spans(second)))
    assert [caption.segment for caption in told if caption.final] == [1, 2]
    assert committed(told) == " ".join("a" * 40 + "b" * 20)


async def test_any_frame_size_or_channel_count_gives_the_same_captions():
    def stereo(stream):
        for hop, likely in stream:
            yield AudioFrame(hop.pts, np.repeat(hop.samples, 2, axis=0)), likely

    mono = await captions_of(Captioner(Scripted(WORDS)), hops(6, spoken=spans(WORDS)))
    assert await captions_of(Captioner(Scripted(WORDS)), stereo(hops(6, spoken=spans(WORDS)))) == mono


async def test_a_hole_in_the_sound_ends_the_segment():
    recogniser = Scripted([*WORDS, *LATER])
    stream = [*hops(2.5, spoken=spans(WORDS)), *hops(4, start_s=5.5, spoken=spans(LATER))]
    told = await captions_of(Captioner(recogniser), stream)
    assert committed(told) == "one two three four seven eight"
    assert [caption.segment for caption in told if caption.final] == [1, 2]


async def test_sound_that_was_dropped_is_silence_within_its_segment():
    spoken = spans(WORDS)
    stream = [(hop, likely) for hop, likely in hops(6, spoken=spoken) if hop.pts // HOP % 50 > 25 or hop.pts < SOUND_HZ]
    recogniser = Scripted(WORDS)
    told = await captions_of(Captioner(recogniser), stream)
    assert committed(told) == "one two three four five six"
    ((first, last),) = recogniser.segments
    assert 0.2 <= WORDS[0].start_s - first / SOUND_HZ <= 0.4 and last / SOUND_HZ >= WORDS[-1].end_s


async def test_sound_that_was_left_out_to_catch_up_is_not_made_up_for():
    recogniser = Scripted(WORDS)
    captioner = Captioner(recogniser)
    for hop, likely in hops(6, spoken=spans(WORDS)):
        if 1.6 < hop.pts / SOUND_HZ < 2.0:
            captioner.skip()
        else:
            await captioner.hear(hop, likely)
    assert len(recogniser.segments) == 2


async def test_lag_is_bounded_by_leaving_sound_out_in_one_piece():
    """A machine that hears half as fast as people speak."""
    words = script(" ".join(f"w{i}" for i in range(170)))
    recogniser, now = Scripted(words), [0.0]
    captioner = Captioner(recogniser, now_s=lambda: now[0])
    told, lags = [], []
    for hop, likely in hops(60, spoken=[(0, 60)]):
        before = captioner.left_out
        told += await captioner.hear(hop, likely)
        now[0] = max(now[0] + (0.02 if captioner.left_out == before else 0), hop.end / SOUND_HZ)
        lags.append(now[0] - hop.end / SOUND_HZ)
    assert max(lags) < 6.1
    assert 3 <= len(recogniser.segments) <= 12, "what is heard hangs together"
    assert len(committed(told).split()) > 50
    assert Pace.SKIPPED in {caption.pace for caption in told}
    assert captioner.left_out > 1000


async def test_labels_may_wobble_with_the_clock_estimate():
    def wobbling(stream):
        for index, (hop, likely) in enumerate(stream):
            yield AudioFrame(hop.pts + index % 7 * 20, hop.samples), likely

    told = await captions_of(Captioner(Scripted(WORDS)), wobbling(hops(6, spoken=spans(WORDS))))
    assert committed(told) == "one two three four five six"
    assert [caption.segment for caption in told if caption.final] == [1]


async def test_a_recogniser_that_fails_costs_its_segment_only():
    recogniser = Scripted([*WORDS, *LATER])
    captioner = Captioner(recogniser)
    told = []
    for hop, likely in hops(9, spoken=spans(WORDS) + spans(LATER)):
        recogniser.fail = 2.45 < hop.pts / SOUND_HZ < 4
        told += await captioner.hear(hop, likely)
    assert committed(told) == "one two seven eight"
    assert captioner.failures > 0
    assert [caption.segment for caption in told if caption.final] == [1, 2]


async def test_a_recogniser_that_hangs_is_given_up():
    recogniser = Scripted(WORDS)
    captioner = Captioner(recogniser, rules=CaptionRules(patience_s=0.01))
    recogniser.slow_s = 60
    assert await captions_of(captioner, hops(3, spoken=spans(WORDS))) == []
    assert captioner.failures > 0


async def test_who_is_behind_says_so_tells_only_what_is_certain_and_asks_for_haste():
    late_s = 4.0
    recogniser = Scripted(WORDS)
    now = [0.0]
    captioner = Captioner(recogniser, now_s=lambda: now[0] + late_s)
    told = []
    for hop, likely in hops(6, spoken=spans(WORDS)):
        now[0] = hop.end / SOUND_HZ
        told += await captioner.hear(hop, likely)
    assert committed(told) == "one two three four five six"
    assert {caption.pace for caption in told} == {Pace.BEHIND}
    assert all(caption.committed or caption.final for caption in told)
    assert all(late_s - 0.01 <= caption.lag_s <= late_s + 0.8 for caption in told)
    assert max(recogniser.lags) >= late_s


@pytest.mark.parametrize("seed", range(3))
async def test_committed_text_is_append_only_whatever_the_decoder_guesses(seed):
    dice = np.random.default_rng(seed)
    words = script(" ".join(f"w{i}" for i in range(60)))
    recogniser = Scripted(words, guess=lambda _: f"x{dice.integers(100)}", settle_s=1.0)
    told = await captions_of(Captioner(recogniser), hops(25, spoken=spans(words)))
    assert committed(told).split() == [word.text for word in words]

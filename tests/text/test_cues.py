"""Cues keep to what subtitlers keep to, whatever the words; and their files open in FFmpeg."""

import io
import random

import av
import pytest

from streamer.stages.recognise import TimedWord
from streamer.text.cues import LINE_CHARACTERS, LONGEST_S, Cue, CueMaker, cues_of
from streamer.text.subtitles import FORMATS, written


def spoken(text, start_s, end_s):
    return TimedWord(text, start_s, end_s, 1.0)


def said(text, *, start_s=0.0, word_s=0.3, gap_s=0.05):
    """Words of even length, one after the other."""
    step = word_s + gap_s
    return [spoken(word, start_s + i * step, start_s + i * step + word_s) for i, word in enumerate(text.split())]


def rambling(seed, count=400):
    """A speaker with sentences, pauses and words of any length."""
    dice, at_s, words = random.Random(seed), 0.0, []
    for _ in range(count):
        text = "".join(dice.choices("abcdefghij", k=dice.randint(1, 14))) + dice.choice(["", "", "", "", ",", "."])
        length_s = dice.uniform(0.05, 0.7)
        words.append(spoken(text, at_s, at_s + length_s))
        at_s += length_s + dice.choice([0.0, 0.02, 0.1, 0.5, 3.0])
    return words


@pytest.mark.parametrize("seed", range(5))
def test_every_cue_is_readable_and_no_word_is_lost(seed):
    words = rambling(seed)
    cues = cues_of([words])
    assert " ".join(cue.text for cue in cues).split() == [word.text for word in words]
    for cue, following in zip(cues, [*cues[1:], None], strict=True):
        assert len(cue.lines) <= 2 and max(map(len, cue.lines)) <= LINE_CHARACTERS
        assert 0 < cue.end_s - cue.start_s <= LONGEST_S + 0.7
        if following:
            assert cue.end_s <= following.start_s
            long_enough = max(1.0, sum(map(len, cue.lines)) / 20)
            assert cue.end_s - cue.start_s >= min(long_enough, following.start_s - cue.start_s) - 1e-6


def test_word_by_word_gives_the_same_cues_as_all_at_once():
    words = rambling(9)
    maker, grown = CueMaker(), []
    for word in words:
        grown += maker.push([word], ends=False)
    assert grown + maker.finish() == cues_of([words])


def test_a_full_cue_ends_with_its_sentence():
    words = said("That was the first sentence of it all. Then the second one begins and goes on and on and on")
    first, *_ = cues_of([words])
    assert first.text == "That was the first sentence of it all."


def test_a_pause_clears_the_screen_and_a_short_word_stands_a_second():
    cues = cues_of([[spoken("Yes.", 1.0, 1.2), spoken("No.", 5.0, 5.2)]])
    assert cues == [Cue(1.0, 2.0, ("Yes.",)), Cue(5.0, 6.0, ("No.",))]


def test_a_word_longer_than_a_line_stands_alone():
    assert [cue.lines for cue in cues_of([said(f"so {'x' * 60} it is")])] == [("so",), ("x" * 60,), ("it is",)]


def test_segments_that_follow_at_once_do_not_overlap():
    first, second = cues_of([[spoken("Yes.", 1.0, 1.2)], [spoken("No.", 1.4, 1.6)]])
    assert first.end_s <= second.start_s


CUES = [Cue(0.5, 2.25, ("Tom & Jerry", "said 1 < 2 --> true")), Cue(3600.0, 3601.5, ("an hour later",))]


def test_files_as_they_are_written():
    assert written(FORMATS["srt"], CUES[:1]) == "1\n00:00:00,500 --> 00:00:02,250\nTom & Jerry\nsaid 1 < 2 --> true\n\n"
    assert written(FORMATS["vtt"], CUES).startswith(
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nTom &amp; Jerry\nsaid 1 &lt; 2 --&gt; true\n\n01:00:00.000"
    )
    assert written(FORMATS["txt"], CUES) == "Tom & Jerry said 1 < 2 --> true\nan hour later\n"


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_ffmpeg_reads_them(form):
    with av.open(io.BytesIO(written(FORMATS[form], CUES).encode())) as file:
        (stream,) = file.streams
        packets = [(packet.pts, packet.duration) for packet in file.demux(stream) if packet.size]
        assert (stream.type, packets) == ("subtitle", [(500, 1750), (3_600_000, 1500)])

"""What waits goes out once, in order, with its sound; what is edited goes out as edited; what is listed does not."""

import numpy as np
import pytest

from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.airing import LINES_KEPT, Airing, EditError
from streamer.stages.bleep import WordList
from streamer.stages.recognise import Caption
from tests.scripted import script

NONE, HOLD_S = WordList([]), 2.0


def hop(index, level=0.5):
    return AudioFrame(index * HOP, np.full((1, HOP), level, np.float32))


def said(words, *, segment=1, final=False, tail=()):
    return Caption(segment, tuple(words), tuple(tail), final, 0.0, 0.3)


def play(airing, first, last, hold_s=HOLD_S):
    """Hops `first` to `last`; the texts that go out with the time at which they did, and the sound."""
    texts, sound = [], []
    for index in range(first, last):
        sound += airing.push(hop(index), hold_s)
        texts += [(index / 100, word.text) for caption in airing.due() for word in caption.committed]
    return texts, sound


WORDS = script("one two three four", start_s=1.0)


def test_sound_waits_by_the_hold_and_none_is_lost():
    airing = Airing()
    _, sound = play(airing, 0, 1000)
    assert [out.pts for out in sound] == [index * HOP for index in range(800)]
    assert airing.held_s == HOLD_S
    rest = []
    while (out := airing.drain()) is not None:
        rest.append(out.pts)
    assert rest == [index * HOP for index in range(800, 1000)] and airing.held_s == 0


def test_words_go_out_when_they_are_spoken_in_the_sound_that_goes_out():
    airing = Airing()
    play(airing, 0, 200)
    assert airing.hear(said(WORDS), NONE, HOLD_S) == []
    texts, _ = play(airing, 200, 600)
    assert [text for _, text in texts] == ["one", "two", "three", "four"]
    for (at_s, _), word in zip(texts, WORDS, strict=True):
        assert abs(at_s - HOLD_S - word.start_s) <= 0.02


def test_no_hold_lets_everything_through_at_once():
    airing = Airing()
    assert [out.pts for out in airing.push(hop(0), 0.0)] == [0]
    (caption,) = airing.hear(said(WORDS[:2], segment=7, tail=WORDS[2:]), WordList(["two"]), 0.0)
    assert [word.text for word in caption.committed] == ["one", "***"]
    assert [word.text for word in caption.tail] == ["three", "four"]
    assert airing.due() == []


def test_segments_that_go_out_are_numbered_upwards_and_each_ends_once_whatever_the_hold():
    airing, told = Airing(), []
    told += airing.hear(said(WORDS, segment=1), NONE, 0.0)
    told += airing.hear(said(WORDS, segment=1), NONE, HOLD_S)
    for index in range(600):
        airing.push(hop(index), HOLD_S)
        told += airing.due()
    told += airing.hear(said(WORDS, segment=1, final=True), NONE, 0.0)
    told += airing.hear(said(WORDS, segment=2, final=True), NONE, 0.0)
    numbers = [caption.segment for caption in told]
    assert numbers == sorted(numbers)
    assert [caption.segment for caption in told if caption.final] == sorted(set(numbers))


@pytest.mark.parametrize("where", ["committed", "tail"])
def test_a_listed_word_is_a_tone_before_anybody_hears_it(where):
    airing, words = Airing(), WordList(["three"])
    play(airing, 0, 250)
    airing.hear(said(WORDS if where == "committed" else [], tail=WORDS if where == "tail" else ()), words, HOLD_S)
    _, out = play(airing, 250, 800)
    sound = np.concatenate([one.samples for one in out], axis=1)[0]
    from_, to = (round((at - 0.5) * SOUND_HZ) for at in (WORDS[2].start_s, WORDS[2].end_s))
    assert out[0].pts == SOUND_HZ // 2
    assert np.abs(sound[from_:to]).max() < 0.11
    assert (sound[: from_ - SOUND_HZ // 5] == 0.5).all() and (sound[to + SOUND_HZ // 5 :] == 0.5).all()


def test_a_line_is_mended_before_it_airs():
    airing = Airing()
    airing.hear(said(WORDS, final=True), NONE, HOLD_S)
    line = airing.edit(1, "mend", "won too free")
    assert (line.words[0].start_s, line.words[-1].end_s) == (WORDS[0].start_s, pytest.approx(WORDS[-1].end_s))
    texts, _ = play(airing, 0, 600)
    assert [text for _, text in texts] == ["won", "too", "free"]
    with pytest.raises(EditError, match="gone out already"):
        airing.edit(1, "mend", "late")


def test_a_line_that_is_deleted_never_airs_and_one_that_is_held_airs_when_released():
    airing = Airing()
    airing.hear(said(WORDS[:2], segment=1, final=True), NONE, HOLD_S)
    airing.hear(said(WORDS[2:], segment=2, final=True), NONE, HOLD_S)
    airing.edit(1, "delete")
    airing.edit(2, "hold")
    assert play(airing, 0, 600)[0] == []
    airing.edit(2, "release")
    assert [text for _, text in play(airing, 600, 601)[0]] == ["three", "four"]
    with pytest.raises(EditError, match="no line 1"):
        airing.edit(1, "release")


def test_a_line_can_be_bleeped_by_hand():
    airing = Airing()
    airing.hear(said(WORDS, final=True), NONE, HOLD_S)
    airing.edit(1, "bleep")
    texts, out = play(airing, 0, 600)
    assert [text for _, text in texts] == ["***", "***", "*****", "****"]
    assert np.abs(np.concatenate([one.samples for one in out], axis=1)[0, SOUND_HZ : 2 * SOUND_HZ]).max() < 0.11


@pytest.mark.parametrize(
    ("number", "action", "text", "match"),
    [
        (1, "mend", None, "needs a"),
        (1, "mend", " ", "needs a"),
        (1, "burn", None, "known: mend"),
        (9, "hold", "", "no line 9"),
    ],
)
def test_edits_that_make_no_sense_say_so_and_change_nothing(number, action, text, match):
    airing = Airing()
    airing.hear(said(WORDS, final=True), NONE, HOLD_S)
    with pytest.raises(EditError, match=match):
        airing.edit(number, action, text)
    assert [text for _, text in play(airing, 0, 600)[0]] == ["one", "two", "three", "four"]


def test_words_that_come_too_late_are_counted_and_shown_at_once():
    airing = Airing()
    play(airing, 0, 600)
    airing.hear(said(WORDS), NONE, HOLD_S)
    assert airing.late == 4
    assert len(play(airing, 600, 601)[0]) == 4


def test_a_longer_text_is_cut_into_lines_and_memory_is_bounded():
    airing = Airing()
    words = script(" ".join(f"word{i}." for i in range(2000)))
    airing.hear(said(words), NONE, HOLD_S)
    airing.hear(said(words[:1], final=True), NONE, HOLD_S)
    assert len(airing._lines) <= LINES_KEPT
    assert all(len(" ".join(word.text for word in line.words)) <= 84 for line in airing._lines.values())


def test_a_shorter_hold_leaves_out_what_lies_between_and_another_publisher_starts_anew():
    airing = Airing()
    play(airing, 0, 500)
    (out,) = airing.push(hop(500), 1.0)
    assert out.pts == (500 - 100) * HOP
    (out,) = airing.push(hop(501), 0.0)
    assert out.pts == 501 * HOP
    play(airing, 502, 600)
    late = AudioFrame(900 * HOP, np.zeros((1, HOP), np.float32), epoch=1)
    assert airing.push(late, HOLD_S) == [] and airing.held_s == 0.01

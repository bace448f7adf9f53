"""Words on the list are covered by a tone and asterisks, wherever they are in the sound; nothing else is touched."""

import numpy as np
import pytest

from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.bleep import FADE, PAD_S, Bleeper, WordList, masked
from streamer.stages.recognise import Caption, TimedWord


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("damn", True),
        ("Damn,", True),
        ("“DAMN!”", True),
        ("damn’s", True),
        ("god-damn", True),
        ("hecking", True),
        ("Heck", True),
        ("damned", False),
        ("check", False),
        ("—", False),
        ("", False),
    ],
)
def test_what_is_on_the_list(text, found):
    assert (text in WordList(["damn", "heck*"])) is found


def test_letters_become_asterisks_in_committed_and_tail():
    said = tuple(TimedWord(text, 0.0, 1.0, 0.9) for text in ("Well,", "damn!"))
    caption = masked(Caption(1, said, said, False, 0.0, 0.0), WordList(["damn"]))
    assert [word.text for word in caption.committed] == [word.text for word in caption.tail] == ["Well,", "****!"]


def test_the_word_and_its_padding_become_a_1_khz_tone_without_a_click():
    bleeper = Bleeper()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, SOUND_HZ * 2)).astype(np.float32)
    start_s, end_s = 0.8037, 1.2011
    bleeper.mark(start_s, end_s)
    bleeper.mark(start_s, end_s)
    hops = [bleeper.apply(AudioFrame(at, noise[:, at : at + HOP])) for at in range(0, SOUND_HZ * 2, HOP)]
    out = np.concatenate([hop.samples for hop in hops], axis=1)
    first, last = round((start_s - PAD_S) * SOUND_HZ), round((end_s + PAD_S) * SOUND_HZ)
    assert np.array_equal(out[:, :first], noise[:, :first])
    assert np.array_equal(out[:, last:], noise[:, last:])
    word = out[:, first + FADE : last - FADE]
    assert np.array_equal(word[0], word[1])
    spectrum = np.abs(np.fft.rfft(word[0] * np.hanning(word.shape[1])))
    assert abs(np.argmax(spectrum) * SOUND_HZ / word.shape[1] - 1000) < 3
    assert np.abs(np.diff(word[0])).max() < 0.02
    assert FADE / SOUND_HZ < PAD_S / 2, "the word itself is covered whole"

"""What every clause must come out as, whatever the weights."""

import numpy as np
import pytest
import torch

from models.tts.features import BANDS, FEATURES, FRAMES_A_SECOND, PITCH_ROW, VOICED_ROW
from models.tts.network import Acoustic, AcousticConfig
from models.tts.types import Clause, Controls, Reading, Utterance
from models.tts.voice import MOST_PHONES, Voice

HELLO = ("HH", "AH0", "L", "OW1")
WORLD = ("W", "ER1", "L", "D")


@pytest.fixture(scope="module")
def voice() -> Voice:
    torch.manual_seed(1)
    net = Acoustic(AcousticConfig(width=32, phone_blocks=1, phone_hidden=32, frame_blocks=1, frame_hidden=32))
    with torch.no_grad():
        net.predictor.leave.weight.mul_(4)  # so that phones differ
        net.predictor.leave.bias[0] = 2.3
    return Voice(net)


def clause(*words: tuple[str, ...], pause: str = ".") -> Clause:
    readings = tuple(Reading(f"w{i}", 3 * i, 3 * i + 2, phones) for i, phones in enumerate(words))
    return Clause(" ".join(reading.text for reading in readings), 0, readings, pause)


def speak(voice: Voice, *words: tuple[str, ...], pause: str = ".", controls: Controls | None = None) -> Utterance:
    return voice.speak(clause(*words, pause=pause), controls or Controls())


def test_phones_fill_the_utterance_and_words_lie_on_their_borders(voice: Voice) -> None:
    said = speak(voice, HELLO, WORLD)
    assert said.features.shape[0] == FEATURES
    assert [phone.name for phone in said.phones] == [*HELLO, *WORLD, ""]
    assert said.phones[0].start_s == 0
    assert said.phones[-1].end_s == pytest.approx(said.features.shape[1] / FRAMES_A_SECOND)
    assert all(one.end_s == two.start_s for one, two in zip(said.phones, said.phones[1:], strict=False))
    assert [(w.text, w.begin, w.end) for w in said.words] == [("w0", 0, 2), ("w1", 3, 5)]
    assert (said.words[1].start_s, said.words[1].end_s) == (said.phones[4].start_s, said.phones[7].end_s)
    assert np.isfinite(said.features).all()
    assert set(np.unique(said.features[VOICED_ROW])) <= {0.0, 1.0}


def test_twice_the_speed_is_half_the_length(voice: Voice) -> None:
    slow, fast = (speak(voice, *(HELLO, WORLD) * 3, controls=Controls(speed=s)) for s in (1.0, 2.0))
    assert abs(fast.features.shape[1] - slow.features.shape[1] / 2) <= 1
    for one, two in zip(slow.phones, fast.phones, strict=True):
        assert two.end_s == pytest.approx(one.end_s / 2, abs=0.0101)
        assert two.end_s > two.start_s


def test_pitch_moves_row_80_and_not_the_times(voice: Voice) -> None:
    plain, high = (speak(voice, HELLO, WORLD, controls=Controls(pitch_semitones=p)) for p in (0, 12))
    assert plain.phones == high.phones
    assert np.median(high.features[PITCH_ROW] - plain.features[PITCH_ROW]) == pytest.approx(1.0, abs=0.03)


def test_energy_moves_every_band_by_decibels(voice: Voice) -> None:
    plain, loud = (speak(voice, HELLO, controls=Controls(energy_db=e)) for e in (0, 6))
    np.testing.assert_allclose(
        loud.features[:BANDS] - plain.features[:BANDS], 6 / 20 * np.log(10), rtol=1e-3, err_msg="natural log"
    )
    np.testing.assert_array_equal(loud.features[BANDS:], plain.features[BANDS:])


@pytest.mark.parametrize(("mark", "share"), [(".", 0.0), (".", 1.0), (",", 2.0), ("", 1.0)])
def test_the_pause_is_as_long_as_asked(voice: Voice, mark: str, share: float) -> None:
    said = speak(voice, HELLO, pause=mark, controls=Controls(pause=share))
    wanted = {".": 0.4, ",": 0.2, "": 0.0}[mark] * share
    end = said.words[-1].end_s
    assert said.features.shape[1] / FRAMES_A_SECOND - end == pytest.approx(wanted, abs=0.0101)
    assert (said.phones[-1].name == "") == (wanted > 0)


def test_a_long_clause_and_a_long_word_are_said_in_parts(voice: Voice) -> None:
    words = [WORLD] * 70 + [HELLO * 40]
    assert sum(map(len, words)) > 3 * MOST_PHONES
    said = speak(voice, *words)
    assert len(said.words) == 71
    assert [phone.name for phone in said.phones[:-1]] == [name for word in words for name in word]
    assert said.phones[-1].end_s == pytest.approx(said.features.shape[1] / FRAMES_A_SECOND)


def test_nothing_to_say_is_nothing(voice: Voice) -> None:
    said = speak(voice)
    assert said.features.shape == (FEATURES, 0)
    assert said.phones == said.words == ()


def test_a_word_without_phones_takes_no_time(voice: Voice) -> None:
    said = speak(voice, HELLO, (), WORLD)
    assert said.words[1].start_s == said.words[1].end_s == said.words[0].end_s == said.words[2].start_s


def test_a_question_rises_at_its_end_and_one_that_begins_with_where_does_not(voice: Voice) -> None:
    told, asked = (speak(voice, HELLO, WORLD, pause=mark) for mark in ".?")
    assert told.phones == asked.phones
    up = asked.features[PITCH_ROW] - told.features[PITCH_ROW]
    end = round(asked.words[-1].end_s * FRAMES_A_SECOND)
    assert asked.features[PITCH_ROW, end - 1] > 0.4
    assert up[end - 1] > 0.2
    assert abs(up[:3]).max() < 0.05
    where = Clause("where", 0, (Reading("Where", 0, 5, HELLO), Reading("w1", 6, 8, WORLD)), "?")
    np.testing.assert_array_equal(voice.speak(where, Controls()).features, told.features)


def test_strange_phones_and_marks_are_named(voice: Voice) -> None:
    with pytest.raises(ValueError, match=r"\['AH', 'XX'\]"):
        speak(voice, ("HH", "AH", "XX"))
    with pytest.raises(ValueError, match="ends with one of"):
        speak(voice, HELLO, pause=";")

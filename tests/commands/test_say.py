"""`limelight say`: text to a file and the times in it, through the command; the voice alone is one of tones."""

import contextlib
import json
import sys

import numpy as np
import pytest

import server
from streamer.commands import spoken
from tests.transports.test_file import read
from tests.voiced import LEVEL, WORD_S, Tones

TEXT = "Good evening, everybody. This is a test."


@contextlib.contextmanager
def tones():
    yield Tones()


@pytest.fixture(autouse=True)
def toned(monkeypatch):
    monkeypatch.setattr(spoken, "voice_alone", tones)


def status(*words):
    return server.main(["say", *map(str, words)])


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.mp3", "out.ogg", "out.m4a", "out.webm"])
def test_text_becomes_sound_of_any_kind_as_long_as_the_times_say(tmp_path, name, capsys):
    out, timing = tmp_path / name, tmp_path / "t.json"
    assert status(TEXT, "-o", out, "--timing", timing) == 0
    sound, rate = read(out)
    times = json.loads(timing.read_text())
    assert (rate, len(sound)) == (48_000, 1)
    assert abs(sound.shape[1] / rate - times["seconds"]) < 0.06
    assert [word["text"] for word in times["words"]] == TEXT.replace(",", "").replace(".", "").split()
    for word in times["words"]:
        assert TEXT[word["begin"] : word["end"]] == word["text"]
        middle = round((word["start_s"] + word["end_s"]) / 2 * rate)
        assert np.abs(sound[0, middle - 400 : middle + 400]).max() > LEVEL / 2
    assert "7 words" in capsys.readouterr().err


def test_speed_is_followed(tmp_path):
    assert status("one two three four", "-o", tmp_path / "out.wav", "--speed", 2, "--quiet") == 0
    sound, rate = read(tmp_path / "out.wav")
    assert np.flatnonzero(np.abs(sound[0]) > 0.01)[-1] / rate == pytest.approx(4 * WORD_S / 2, abs=0.02)


def test_text_comes_from_a_file_and_from_standard_input(tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text("\ufeffone two")
    assert status("--file", tmp_path / "text.txt", "-o", tmp_path / "a.wav", "--quiet") == 0
    with (tmp_path / "text.txt").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert status("-", "-o", tmp_path / "b.wav", "--quiet") == 0
    assert np.array_equal(read(tmp_path / "a.wav")[0], read(tmp_path / "b.wav")[0])


def test_what_exists_is_kept_unless_told(tmp_path, capsys):
    out = tmp_path / "out.wav"
    out.write_bytes(b"mine")
    assert status("hello", "-o", out) == 1
    assert out.read_bytes() == b"mine" and "--force" in capsys.readouterr().err
    assert status("hello", "-o", out, "--force") == 0
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["  "], "the text is empty"),
        ([], "say either TEXT or --file"),
        (["hello", "--speed", "9"], "speed is 0.5 to 2"),
        (["hello", "--lexicon", "LEXICON"], "line 1: a word, a space"),
        (["hello", "-o", "out.xyz"], "does not tell the container"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, words, said, capsys):
    (tmp_path / "LEXICON").write_text("nginx")
    words = [tmp_path / word if word in ("LEXICON", "out.xyz") else word for word in words]
    assert status("-o", tmp_path / "out.wav", *words) == 2
    assert said in capsys.readouterr().err


def test_text_that_cannot_be_spoken_is_an_error_and_leaves_no_file(tmp_path, capsys):
    assert status("你好", "-o", tmp_path / "out.wav") == 1
    assert "你好" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_out_is_told(tmp_path, capsys):
    assert status("hello <b>world</b>", "-o", tmp_path / "out.wav") == 0
    assert "not spoken: '<b>', '</b>'" in capsys.readouterr().err

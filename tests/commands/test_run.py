"""`limelight run` as a command: what it refuses, what it says, and that the models' delay is out of the result."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

import server
from streamer.commands.run import add_arguments, options_from
from streamer.progress import Step, as_time, shown
from tests.transports.test_file import error, noise, read, write


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server has compiled on this machine shall not take part."""
    monkeypatch.setenv("LIMELIGHT_CACHE", str(tmp_path / "cache"))


def status(*words: object) -> int:
    return server.main(["run", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "add --clean, --level, --limit, --captions or --anchor"),
        (["--strength", "2"], "0.0 to 1.0"),
        (["--level=-40"], "-30.0 to -12.0"),
        (["--limit=3"], "-12.0 to 0.0"),
        (["--clean", "--stream", "0"], "counted from 1"),
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("in.wav", "out.wav", *words) == 2
    assert said in capsys.readouterr().err


def test_a_file_name_is_no_figure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        status("--level", "in.wav", "out.wav")
    assert "put IN and OUT first" in capsys.readouterr().err


def test_a_missing_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(tmp_path / "none.wav", tmp_path / "out.wav", "--clean") == 1
    assert "there is no such file" in capsys.readouterr().err


def test_options_become_settings() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    settings = options_from(parser.parse_args(["a", "b", "--strength", "0.5", "--limit"])).settings
    assert (settings.enhance.on, settings.enhance.strength) == (True, 0.5)
    assert (settings.limiter.on, settings.limiter.ceiling_db) == (True, -1.0)
    assert not settings.level.on


def test_a_limiter_that_has_nothing_to_do_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav", 0.5 * noise(2, 24_000))
    assert status(source, tmp_path / "out.wav", "--limit") == 0
    assert error(read(source)[0], read(tmp_path / "out.wav")[0]) < 2e-4
    assert "real time" in capsys.readouterr().err
    assert status(source, tmp_path / "out.wav", "--limit", "--quiet", "--force") == 0
    assert capsys.readouterr().err == ""


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with shown("[red]film.mkv") as tell:
        for second in range(25):
            tell(Step(second * 3.0, 75.0, float(second)))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "[red]film.mkv: 0:00:30 of 0:01:15, 3.0× real time",
        "[red]film.mkv: 0:01:00 of 0:01:15, 3.0× real time",
    ]
    assert as_time(3_725.9) == "1:02:05"


def test_the_pitch_of_a_recording_is_changed_and_its_length_kept(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(48_000) / 48_000)
    source = write(tmp_path / "in.wav", np.stack([tone, tone]).astype(np.float32))
    assert status(source, tmp_path / "out.wav", "--pitch", "12", "--quiet") == 0
    changed = read(tmp_path / "out.wav")[0]
    assert changed.shape == (2, 48_000)
    spectrum = np.abs(np.fft.rfft(changed[0][4800:43200] * np.hanning(38_400)))
    assert np.argmax(spectrum) * 48_000 / 38_400 == pytest.approx(400, abs=2)


def test_voices_change_by_an_octave_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("in.wav", "out.wav", "--formants=13") == 2
    assert "-12.0 to 12.0" in capsys.readouterr().err

"""`limelight dub`: lines in their slots, the background under them, the film as it was; the voice alone is of tones."""

import contextlib
import json

import av
import numpy as np
import pytest

import server
from streamer.commands import spoken
from streamer.commands.dubbing import FASTEST, DubStage, Placed
from streamer.frame import HOP, SOUND_HZ
from streamer.text.cues import Cue
from streamer.text.subtitles import FORMATS, written
from tests.commands.test_run_captions import moving
from tests.transports.test_file import read, write
from tests.voiced import WORD_S, Tones

LOW = 10 ** (-15 / 20)


@contextlib.contextmanager
def tones():
    yield Tones()


@pytest.fixture(autouse=True)
def toned(monkeypatch):
    monkeypatch.setattr(spoken, "voice_alone", tones)


def hum(seconds, channels=1):
    """A high tone, which the voice of tones does not have."""
    return np.repeat(
        0.1 * np.sin(2 * np.pi * 4000 * np.arange(seconds * SOUND_HZ) / SOUND_HZ)[None], channels, 0
    ).astype(np.float32)


def level(sound, hz, from_s, to_s):
    part = sound[0, round(from_s * SOUND_HZ) : round(to_s * SOUND_HZ)]
    return 2 * abs(np.mean(part * np.exp(-2j * np.pi * hz * np.arange(len(part)) / SOUND_HZ)))


def dub(film, cues, out, *words, form="srt"):
    lines = out.with_suffix(f".{form}")
    lines.write_text(written(FORMATS[form], cues))
    return server.main(["dub", *map(str, (film, lines, out, *words))])


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_lines_are_heard_in_their_slots_over_a_lowered_background(tmp_path, form, capsys):
    film, out = write(tmp_path / "in.wav", hum(6)), tmp_path / "out.wav"
    cues = [Cue(1.0, 1.6, ("one two",)), Cue(4.0, 5.0, ("[a door]", "three four five"))]
    assert dub(film, cues, out, form=form) == 0
    before, after = read(film)[0], read(out)[0]
    assert after.shape == before.shape
    for from_s, to_s in ((1.05, 1.55), (4.05, 4.85)):
        assert level(after, 300, from_s, to_s) > 0.2
        assert level(after, 4000, from_s, to_s) == pytest.approx(0.1 * LOW, rel=0.05)
    assert np.abs(after - before)[0, : round(0.8 * SOUND_HZ)].max() < 1e-3
    assert np.abs(after - before)[0, round(2.1 * SOUND_HZ) : round(3.8 * SOUND_HZ)].max() < 1e-3
    assert "2 lines" in capsys.readouterr().err


def test_the_picture_is_copied_and_the_sound_keeps_its_length(tmp_path):
    film = write(tmp_path / "in.mkv", hum(3, 2), add=moving(seconds=3))
    assert dub(film, [Cue(0.5, 1.5, ("one two",))], tmp_path / "out.mkv", "--replace") == 0
    with av.open(str(film)) as before, av.open(str(tmp_path / "out.mkv")) as after:
        pictures = [[bytes(packet) for packet in file.demux(video=0)] for file in (before, after)]
    assert pictures[0] == pictures[1]
    sound = read(tmp_path / "out.mkv")[0]
    assert sound.shape == (2, 3 * SOUND_HZ)
    assert level(sound, 300, 0.55, 1.0) > 0.2 and level(sound, 4000, 0, 3) < 1e-3


@pytest.mark.parametrize(("kind", "codec"), [("mkv", "libvpx"), ("mp4", "mpeg4")])
def test_a_film_without_sound_is_given_some(tmp_path, kind, codec):
    film, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    with av.open(film, "w") as file:
        file.metadata["title"] = "Silent"
        moving(seconds=3, codec=codec)(file)()
    assert dub(film, [Cue(0.5, 1.5, ("one two",))], out) == 0
    with av.open(film) as before, av.open(out) as after:
        pictures = [
            [(p.pts * p.time_base, bytes(p)) for p in file.demux(video=0) if p.size] for file in (before, after)
        ]
        assert pictures[0] == pictures[1] and after.metadata["title"] == "Silent"
    sound = read(out)[0]
    assert sound.shape[1] == pytest.approx(3 * SOUND_HZ, abs=2048)
    assert level(sound, 300, 0.55, 1.0) > 0.2 and np.abs(sound[:, 2 * SOUND_HZ :]).max() < 1e-3


def test_a_line_that_is_too_long_is_quicker_within_limits_and_told(tmp_path, capsys):
    film, out, timing = write(tmp_path / "in.wav", hum(6)), tmp_path / "out.wav", tmp_path / "t.json"
    cues = [
        Cue(0.0, 1.0, ("one two three four",)),
        Cue(2.0, 2.5, ("one two three four",)),
        Cue(2.6, 2.9, ("five",)),
        Cue(5.5, 7.0, ("late one",)),
    ]
    assert dub(film, cues, out, "--timing", timing) == 0
    quick, late, *_ = json.loads(timing.read_text())["lines"]
    assert quick["speed"] == pytest.approx(4 * WORD_S, abs=0.03) and not quick["late_s"]
    assert quick["words"][-1]["end_s"] == pytest.approx(1.0, abs=0.03)
    assert late["speed"] == FASTEST and late["late_s"] == pytest.approx(4 * WORD_S / FASTEST - 0.5, abs=0.03)
    told = capsys.readouterr().err
    assert "line 2 at 0:00:02 would need 2.40 times the natural speed" in told and "after the end of the sound" in told
    assert "cut off where the next line begins: 2\n" in told


async def test_the_mix_stays_below_full_scale_and_the_background_moves_without_a_step():
    line = Placed(SOUND_HZ, np.full(SOUND_HZ // 2, 32767, np.int16))
    stage = DubStage([line], under=0.2)
    hops = [await stage.process(np.full((1, HOP), 0.5, np.float32)) for _ in range(220)]
    sound = np.concatenate(hops, axis=1)[0]
    assert 0.9 < np.abs(sound).max() < 1.0
    assert sound[0] == sound[-1] == 0.5
    steps = np.abs(np.diff(sound))
    steps[[line.begin - 1, line.end - 1]] = 0  # the line itself begins with one
    assert steps.max() < 1e-3


async def test_a_line_is_heard_in_the_centre_of_many_channels():
    stage = DubStage([Placed(0, np.full(HOP, 8192, np.int16))], under=0.2)
    assert (await stage.process(np.zeros((6, HOP), np.float32))).max(axis=1).tolist() == [0, 0, 0.25, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("nothing", 2, "should be two times"),
        ("1\n00:00:00,000 --> 00:00:01,000\n[music]\n", 1, "none of the lines can be spoken"),
    ],
)
def test_lines_that_cannot_be_used_are_refused(tmp_path, text, status, said, capsys):
    film, lines = write(tmp_path / "in.wav", hum(1)), tmp_path / "lines.srt"
    lines.write_text(text)
    assert server.main(["dub", str(film), str(lines), str(tmp_path / "out.wav")]) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.wav").exists()


def test_a_film_that_is_not_there_is_an_error(tmp_path, capsys):
    assert dub(tmp_path / "no.mp4", [Cue(0, 1, ("one",))], tmp_path / "out.mp4") == 1
    assert "there is no such file" in capsys.readouterr().err

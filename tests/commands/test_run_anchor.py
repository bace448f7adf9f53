"""`limelight run IN OUT --anchor`: a film in step with its voice, marked as synthetic; what cannot be is said."""

import argparse
import contextlib
import json
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

import server
from models.rig import posed
from streamer.commands import spoken
from streamer.commands.anchor_options import add_anchor_arguments, anchor_from
from streamer.stages.anchor import AnchorPicture
from tests.voiced import Tones

HZ = 48_000
ANCHOR = ("--anchor", "7", "--size", "128x128", "--fps", "10", "--quiet")


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A second: silence, a loud "ah" from 0.4 s to 0.7 s, silence."""
    at, hertz = np.arange(HZ) / HZ, 120.0 * np.arange(1, 40)
    tract = sum(np.exp(-(((hertz - peak) / 110) ** 2)) * part for peak, part in ((730, 1.0), (1090, 0.6), (2440, 0.2)))
    buzz = (np.sin(2 * np.pi * hertz[:, None] * at) * (tract + 0.01)[:, None]).sum(0)
    sound = np.where((at > 0.4) & (at < 0.7), 0.4 * buzz / np.abs(buzz).max(), 0.0).astype(np.float32)
    path = tmp_path / "voice.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = HZ
        out.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def pictures(path: Path) -> NDArray[np.int16]:
    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]).astype(np.int16)


def mouths(film: NDArray[np.int16]) -> list[int]:
    part = film[:, 80:100, 50:78]
    return [int(((one[..., 0] < 140) & (one[..., 0] - one[..., 1] > 40)).sum()) for one in part]


def test_the_mouth_opens_when_the_voice_is_heard_and_the_file_says_it_is_synthetic(voice: Path) -> None:
    out = voice.with_name("film.mp4")
    assert server.main(["run", str(voice), str(out), *ANCHOR]) == 0
    with av.open(str(out)) as film:
        assert "synthetic" in film.metadata["comment"] and film.metadata["synthetic"] == "true"
        assert [stream.type for stream in film.streams] == ["video", "audio"]
        assert film.duration == pytest.approx(1_000_000, abs=60_000)
    seen = mouths(pictures(out))
    assert len(seen) == 10
    assert min(seen[5:7]) > 5 + max(seen[:3] + seen[9:]), seen


def test_the_mark_is_in_every_picture_until_it_is_switched_off() -> None:
    def corner(*more: str) -> NDArray[np.int16]:
        parser = argparse.ArgumentParser()
        add_anchor_arguments(parser)
        wanted = anchor_from(parser.parse_args([*ANCHOR[:-1], "--background", "#808080", *more]))
        assert wanted is not None
        return AnchorPicture(wanted).frame(posed({}), 0).y[114:124, 4:40].astype(np.int16)

    assert corner().max() - corner().min() > 60
    assert np.ptp(corner("--no-mark")[:, :8]) == 0


def test_nothing_behind_means_alpha(voice: Path) -> None:
    out = voice.with_name("film.webm")
    assert server.main(["run", str(voice), str(out), *ANCHOR, "--background", "none"]) == 0
    with av.open(str(out)) as film:
        assert film.streams.video[0].metadata["ALPHA_MODE"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        first = next(frame for packet in film.demux(video=0) for frame in decoder.decode(packet))
    assert first.format.name == "yuva420p"
    alpha = np.frombuffer(bytes(first.planes[3]), np.uint8).reshape(128, -1)
    assert alpha[:8, :8].max() < 8 and alpha[64, 64] > 247


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--anchor", "nobody"], "there is no character 'nobody'; say ada"),
        (["--anchor", "1", "--emotion", "hapy"], "did you mean 'happy'"),
        (["--anchor", "1", "--size", "big"], "512x512"),
        (["--anchor", "1", "--size", "99x99"], "even"),
        (["--anchor", "1", "--fps", "1000"], "5 to 60"),
        (["--anchor", "1", "--background", "none"], "keeps no alpha"),
        (["--anchor", "1", "--background", "nowhere.png"], "no file"),
        (["--anchor", "1", "--background", "{voice}"], "no picture"),
        (["--anchor", "1", "--video-codec", "mpeg9"], "no encoder"),
        (["--anchor", "1", "--clean"], "before or after"),
        (["--anchor", "me.json"], "cannot be read"),
        (["--anchor", "me.jpg"], "does not tell where the face is"),
        (["--emotion", "sad", "--clean"], "add --anchor"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(
    voice: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    out = voice.with_name("film.mp4")
    arguments = [argument.format(voice=voice) for argument in more]
    assert server.main(["run", str(voice), str(out), "--quiet", *arguments]) != 0
    assert says in capsys.readouterr().err
    assert sorted(path.name for path in voice.parent.iterdir()) == ["voice.wav"]


def test_a_film_is_not_overwritten_unasked(voice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = voice.with_name("film.mp4")
    out.write_bytes(b"precious")
    assert server.main(["run", str(voice), str(out), *ANCHOR]) == 1
    assert "--force" in capsys.readouterr().err and out.read_bytes() == b"precious"


def test_text_is_said_by_a_person_who_feels_what_it_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "voice_alone", lambda: contextlib.nullcontext(Tones()))
    out, timing = tmp_path / "film.mp4", tmp_path / "t.json"
    words = ["say", "one two [surprised] three four", "-o", str(out), "--timing", str(timing), *ANCHOR]
    assert server.main(words) == 0
    times = json.loads(timing.read_text())
    assert [word["text"] for word in times["words"]] == ["one", "two", "three", "four"]
    film = pictures(out)
    assert len(film) == pytest.approx(10 * times["seconds"], abs=1.01)
    brows = film[:, 44:58, 40:88].astype(float)
    third = round(10 * times["words"][2]["start_s"])
    assert np.abs(brows[third + 3] - brows[0]).mean() > 2 * np.abs(brows[third - 2] - brows[0]).mean()


def test_a_marker_that_is_nearly_an_emotion_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert server.main(["say", "[hapy] one", "-o", str(tmp_path / "film.mp4"), *ANCHOR]) == 2
    assert "did you mean [happy]" in capsys.readouterr().err

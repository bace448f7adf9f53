"""`limelight run --captions`: what is said, as text, beside the picture and in it; the network alone is scripted."""

import asyncio
import contextlib
import json
import struct
from dataclasses import replace

import av
import numpy as np
import pytest

import server
from streamer.commands.run_captions import CaptionsWanted, Said, put_in
from streamer.stages import stt
from streamer.stages.captions import Captioner
from streamer.stages.scribe import Scribe
from streamer.stages.speech import Speech
from streamer.transports.file import FileJob
from tests.fakes import Loud
from tests.scripted import Scripted, script
from tests.transports.test_file import noise, read, write

SAID = [*script("this is what is said & then", start_s=0.5), *script("some more after a pause", start_s=5.0)]
TEXT = "this is what is said & then\nsome more after a pause\n"


def status(*words):
    return server.main(["run", *map(str, words)])


@contextlib.contextmanager
def scripted_scribe(name, *, cache=None, patience_s=0, said=SAID):
    yield Scribe(Speech(Loud()), Captioner(Scripted(said)))


@pytest.fixture(autouse=True)
def scripted(monkeypatch, tmp_path_factory):
    """The scribe of a recogniser that hears the script in every recording; nothing that this machine has compiled."""
    monkeypatch.setenv("LIMELIGHT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))

    monkeypatch.setattr(stt, "scribe_alone", scripted_scribe)


def spoken(seconds=8, channels=2):
    """Bursts where the script has words."""
    sound = noise(channels, seconds * 48_000)
    for from_s, to_s in ((0, 0.45), (2.95, 4.95), (6.8, seconds)):
        sound[:, round(from_s * 48_000) : round(to_s * 48_000)] = 0
    return sound


CODECS = {"mkv": "libvpx", "webm": "libvpx", "mp4": "mpeg4"}  # the quickest of those that each may hold

# The matrix of ISO/IEC 14496-12, 6.2.2: as it is, and a quarter to the right.
UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
CLOCKWISE = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)


def moving(width=320, height=180, rate=10, seconds=8, codec="libvpx", bright_left=False):
    """Adds a grey picture."""
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    if bright_left:
        picture[:height, : width // 4] = 235

    def add(out):
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"

        def finish():
            for index in range(rate * seconds):
                frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
                frame.pts = index
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))

        return finish

    return add


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return write(tmp_path_factory.mktemp("talk") / "talk.mkv", spoken(), add=moving())


def texts(path):
    """Text packets of a file, with start and end in seconds."""
    with av.open(str(path)) as file:
        (stream,) = file.streams.subtitles
        found = []
        for packet in file.demux(stream):
            payload = bytes(packet)
            if stream.codec_context.name == "mov_text":
                payload = payload[2:]
            if payload:
                at = float(packet.pts * packet.time_base)
                found.append((at, at + float(packet.duration * packet.time_base), payload.decode()))
        return stream.codec_context.codec.canonical_name, found


@pytest.mark.parametrize("form", ["srt", "vtt", "txt"])
def test_text_alone(talk, tmp_path, form, capsys):
    out = tmp_path / f"talk.{form}"
    assert status(talk, out, "--captions") == 0
    text = out.read_text()
    if form == "txt":
        assert text == TEXT
    else:
        point = "," if form == "srt" else "."
        assert f"00:00:00{point}500 --> 00:00:02{point}900\n" in text
        assert ("said &amp; then" if form == "vtt" else "said & then") in text
    assert "12 words in 0:00:08" in capsys.readouterr().err


def test_every_word_with_its_time_as_json(talk, tmp_path):
    assert status(talk, tmp_path / "talk.json", "--captions", "--quiet") == 0
    told = json.loads((tmp_path / "talk.json").read_text())
    words = [word for segment in told["segments"] for word in segment["words"]]
    assert [word["text"] for word in words] == [word.text for word in SAID]
    assert words[3]["start_s"] == pytest.approx(SAID[3].start_s)
    assert told["seconds"] == 8.0


def test_sound_that_starts_late_is_told_where_a_player_has_it(tmp_path, monkeypatch):
    late = [replace(word, start_s=word.start_s + 1, end_s=word.end_s + 1) for word in SAID]
    monkeypatch.setattr(stt, "scribe_alone", lambda *_, **__: scripted_scribe(None, said=late))
    source = write(tmp_path / "late.mkv", spoken(), start=48_000, add=moving(seconds=2))
    assert status(source, tmp_path / "late.json", "--captions") == 0
    told = json.loads((tmp_path / "late.json").read_text())["segments"]
    words = [word for segment in told for word in segment["words"]]
    assert [word["start_s"] for word in words] == [pytest.approx(word.start_s, abs=1e-3) for word in late]


@pytest.mark.parametrize(("rate", "gain"), [(8_000, 1.0), (44_100, 1.0), (48_000, 100.0)])
def test_telephones_and_clipped_sound_are_heard_like_any_other(tmp_path, rate, gain):
    sound = np.clip(gain * spoken(channels=1), -1, 1)[:, :: 48_000 // rate] if rate != 44_100 else spoken(channels=1)
    source = write(tmp_path / "in.wav", sound, rate)
    assert status(source, tmp_path / "out.txt", "--captions", "--quiet") == 0
    if rate != 44_100:  # which is played slower here, so that the script does not fit
        assert (tmp_path / "out.txt").read_text() == TEXT


async def test_an_interrupted_run_leaves_nothing(tmp_path, talk):
    begun, loop = asyncio.Event(), asyncio.get_running_loop()
    writing = asyncio.create_task(
        put_in(
            FileJob(str(talk), str(tmp_path / "out.mkv")),
            Said([], 8.0),
            CaptionsWanted("burn"),
            tell=lambda _: loop.call_soon_threadsafe(begun.set),
        )
    )
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "codec"),
    [("talk.mkv", "subrip"), ("talk.webm", "webvtt"), ("talk.mp4", "mov_text")],
)
def test_a_stream_of_text(tmp_path, name, codec):
    talk = write(tmp_path / f"in.{name.split('.')[1]}", spoken(), add=moving(codec=CODECS[name.split(".")[1]]))
    out = tmp_path / name
    assert status(talk, out, "--captions", "soft") == 0
    found, packets = texts(out)
    assert found == codec
    assert [text for _, _, text in packets] == TEXT.splitlines()
    assert packets[0][:2] == (pytest.approx(0.5, abs=1e-3), pytest.approx(2.9, abs=1e-3))
    before, after = read(talk)[0], read(out)[0]
    assert np.array_equal(before[:, : after.shape[1]], after[:, : before.shape[1]]), "the sound is copied as it is"


@pytest.mark.parametrize("form", ["mp4", "mkv", "webm"])
def test_drawn_into_the_picture_at_its_time(tmp_path, talk, form):
    source = talk if form == "mkv" else write(tmp_path / f"in.{form}", spoken(), add=moving(codec=CODECS[form]))
    out = tmp_path / f"out.{form}"
    assert status(source, out, "--captions", "burn") == 0
    with av.open(str(out)) as file:
        frames = [(frame.time, frame.to_ndarray(format="gray")) for frame in file.decode(video=0)]
    assert len(frames) == 80 and frames[20][0] == pytest.approx(2.0, abs=0.002)
    written = [time for time, picture in frames if picture[100:].max() > 200]
    early = [time for time in written if time < 4]
    assert min(early) == pytest.approx(0.5, abs=0.01) and max(early) == pytest.approx(2.8, abs=0.01)
    assert min(time for time in written if time > 4) == pytest.approx(5.0, abs=0.03)
    assert all(abs(picture[:90].astype(int) - 128).max() < 12 for _, picture in frames), "nothing above the box"


def test_a_picture_that_lies_on_its_side_is_drawn_on_upright(tmp_path):
    source = write(tmp_path / "in.mp4", spoken(), add=moving(codec="mpeg4", bright_left=True))
    ones, quarter = struct.pack(">9i", *UPRIGHT), struct.pack(">9i", *CLOCKWISE)
    head, tkhd, rest = source.read_bytes().partition(b"tkhd")
    source.write_bytes(head + tkhd + rest.replace(ones, quarter, 1))
    assert status(source, tmp_path / "out.mp4", "--captions", "burn") == 0
    with av.open(str(tmp_path / "out.mp4")) as file:
        frame = next(frame for frame in file.decode(video=0) if frame.time > 1)
        assert (frame.width, frame.height, frame.rotation) == (180, 320, 0)
        picture = frame.to_ndarray(format="gray")
        assert picture[:70].min() > 200 and abs(int(picture[200, 90]) - 128) < 12
        assert np.nonzero(picture[200:].max(axis=1) > 160)[0].min() > 60


def test_cleaned_and_captioned_in_one_go(tmp_path, talk):
    out = tmp_path / "out.mkv"
    assert status(talk, out, "--limit=-6", "--captions", "soft") == 0
    assert [text for _, _, text in texts(out)[1]] == TEXT.splitlines()
    assert np.abs(read(out)[0]).max() < 0.55
    assert [path.name for path in tmp_path.iterdir()] == ["out.mkv"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["talk.mkv", "talk.srt"], "holds text alone: say --captions"),
        (["talk.mkv", "talk.srt", "--captions", "burn"], "neither burn nor soft"),
        (["talk.mkv", "talk.srt", "--captions", "--clean"], "no --clean here"),
        (["talk.mkv", "talk.mp4", "--captions"], "name it .srt"),
        (["-", "talk.mp4", "--captions", "burn"], "standard input cannot be"),
        (["talk.mkv", "talk.mp4", "--captions", "burn", "--sound-only"], "leaves out"),
    ],
)
def test_what_does_not_go_together_is_refused(words, said, capsys):
    assert status(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("value", ["in.mp4", "hard"])
def test_an_unknown_kind_of_captions_is_refused(value, capsys):
    with pytest.raises(SystemExit):
        status("a.mp4", "b.mp4", "--captions", value)
    assert "neither burn nor soft" in capsys.readouterr().err


def test_files_that_cannot_be_captioned_say_why_and_leave_nothing(tmp_path, capsys):
    silent = tmp_path / "silent.mkv"
    with av.open(str(silent), "w") as out:
        moving(seconds=1)(out)()
    assert status(silent, tmp_path / "out.srt", "--captions") == 1
    assert "no sound in it" in capsys.readouterr().err
    talk = write(tmp_path / "talk.wav", spoken())
    assert status(talk, tmp_path / "out.mkv", "--captions", "burn") == 1
    assert "no picture to draw captions on" in capsys.readouterr().err
    assert status(talk, tmp_path / "out.wav", "--captions", "soft") == 1
    assert "holds no stream of text" in capsys.readouterr().err
    assert status(talk, tmp_path / "out.mp4", "--captions", "soft", "--video-codec", "x") in (0, 1)
    (tmp_path / "there.srt").write_text("mine")
    assert status(talk, tmp_path / "there.srt", "--captions") == 1
    assert "--force replaces it" in capsys.readouterr().err
    assert status(tmp_path / "none.mp4", tmp_path / "out.srt", "--captions") == 1
    assert "there is no such file" in capsys.readouterr().err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "out.srt", "out.mkv", "out.wav"))]


def test_an_unknown_video_codec_is_told(tmp_path, talk, capsys):
    assert status(talk, tmp_path / "out.mkv", "--captions", "burn", "--video-codec", "nonsense") == 1
    assert "no encoder for 'nonsense'" in capsys.readouterr().err
    assert status(talk, tmp_path / "out.mkv", "--captions", "burn", "--video-codec", "flac") == 1
    assert "is for audio" in capsys.readouterr().err

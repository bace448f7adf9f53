"""The file door: what goes in comes out in the same place, whatever the container; and what cannot, says so."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamer.frame import FormatError, Sound
from streamer.pipeline import SoundPath
from streamer.progress import Step
from streamer.transports.file import FileJob, Report, run_file
from streamer.transports.file.resample import layout_for
from streamer.transports.file.samples import Adapter

CODECS = {"wav": "pcm_s16le", "flac": "flac", "mp4": "aac", "webm": "libopus", "mkv": "flac", "mp3": "libmp3lame"}


class Late:
    """A stage that only delays."""

    name = "late"

    def __init__(self, channels: int, delay: int) -> None:
        self.delay = delay
        self.closed = False
        self._held = np.zeros((channels, delay), np.float32)

    async def process(self, samples: Sound) -> Sound:
        joined = np.concatenate([self._held, samples], axis=1)
        self._held = joined[:, samples.shape[1] :]
        return joined[:, : samples.shape[1]]

    def close(self) -> None:
        self.closed = True


def late_path(channels: int) -> SoundPath:
    return SoundPath([Late(channels, 733), Late(channels, 17)])


def run(source: Path | str, target: Path | str, **options: Any) -> Report:
    return asyncio.run(run_file(FileJob(str(source), str(target), **options), make_path=late_path))


def noise(channels: int, samples: int, *, rate: int = 48_000, seed: int = 0) -> Sound:
    """Bursts of noise below 3 kHz, different in every channel: alignment shows to the sample."""
    wide = np.random.default_rng(seed).standard_normal((channels, samples + 64))
    kernel = np.hanning(max(8, rate // 3000)) / np.hanning(max(8, rate // 3000)).sum()
    smooth = np.stack([np.convolve(row, kernel, mode="same")[32 : 32 + samples] for row in wide])
    envelope = 0.5 + 0.5 * np.sin(np.arange(samples) * 20 / rate)
    return np.asarray(np.clip(0.4 * smooth * envelope, -0.99, 0.99), np.float32)


def write(
    path: Path,
    samples: Sound,
    rate: int = 48_000,
    *,
    codec: str | None = None,
    sample_format: str | None = None,
    start: int = 0,
    add: Callable[[Any], Callable[[], None]] | None = None,
    **options: Any,
) -> Path:
    """A file with one track of sound, and whatever `add` puts beside it."""
    layout = layout_for(samples.shape[0])
    with av.open(str(path), "w", **options) as out:
        finish = add(out) if add else None
        stream = out.add_stream(codec or CODECS[path.suffix[1:]], rate=rate, layout=layout, bit_rate=192_000)
        if sample_format:
            stream.codec_context.format = sample_format
        out.start_encoding()
        for at in range(0, samples.shape[1], 4000):
            part = samples[:, at : at + 4000]
            frame = av.AudioFrame.from_ndarray(part.T.reshape(1, -1).copy(), format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start + at, Fraction(1, rate)
            converted = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
            for ready in converted.resample(frame):
                out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
        if finish:
            finish()
    return path


def read(path: Path | io.BytesIO) -> tuple[Sound, int]:
    """All samples of the first track of sound, and its rate."""
    with av.open(str(path) if isinstance(path, Path) else path) as container:
        stream = container.streams.audio[0]
        plain, channels = av.AudioResampler(format="flt"), stream.codec_context.layout.nb_channels
        frames = [part for frame in container.decode(stream) for part in plain.resample(frame)]
        parts = [frame.to_ndarray().reshape(-1, channels).T for frame in frames]
        return np.concatenate(parts, axis=1), stream.codec_context.sample_rate


def lag(reference: Sound, other: Sound) -> int:
    """How many samples `other` comes later, by its correlation."""
    size = min(reference.shape[1], other.shape[1])
    a, b = (np.fft.rfft(signal[0, :size], 2 * size) for signal in (reference, other))
    best = int(np.fft.irfft(b * np.conj(a)).argmax())
    return best if best < size else best - 2 * size


def error(reference: Sound, other: Sound) -> float:
    """The largest difference, away from the ends where filters have nothing to go by."""
    assert reference.shape == other.shape
    return float(np.abs(reference - other)[:, 64:-64].max())


# Alignment


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000, 96_000])
def test_lossless_comes_out_where_it_was(tmp_path: Path, suffix: str, channels: int, rate: int) -> None:
    source = write(tmp_path / f"in.{suffix}", noise(channels, rate // 2 + 123, rate=rate), rate)
    report = run(source, tmp_path / f"out.{suffix}")
    before, after = read(source), read(tmp_path / f"out.{suffix}")
    assert report.samples == (rate // 2 + 123,)
    assert after[1] == rate
    assert error(before[0], after[0]) < (1e-9 if rate == 48_000 else 2e-3)


@pytest.mark.parametrize("rate", [7_000, 11_025, 22_050, 32_000, 192_000])
def test_odd_rates_keep_their_length(tmp_path: Path, rate: int) -> None:
    source = write(tmp_path / "in.wav", noise(1, rate // 3 + 7, rate=rate), rate)
    run(source, tmp_path / "out.wav")
    before, after = read(source), read(tmp_path / "out.wav")
    assert after[1] == rate
    assert error(before[0], after[0]) < 5e-3


@pytest.mark.parametrize("samples", [1, 479, 480, 481, 24_000])
def test_any_length(tmp_path: Path, samples: int) -> None:
    source = write(tmp_path / "in.wav", noise(2, samples))
    run(source, tmp_path / "out.wav")
    assert np.array_equal(read(source)[0], read(tmp_path / "out.wav")[0])


@pytest.mark.parametrize(
    ("codec", "bits"), [("pcm_u8", 8), ("pcm_s16le", 16), ("pcm_s24le", 24), ("pcm_s32le", 24), ("pcm_f32le", 32)]
)
def test_width_is_kept(tmp_path: Path, codec: str, bits: int) -> None:
    source = write(tmp_path / "in.wav", noise(1, 9_000), codec=codec)
    run(source, tmp_path / "out.wav")
    with av.open(str(tmp_path / "out.wav")) as out:
        assert out.streams.audio[0].codec_context.name == codec
    assert np.allclose(read(source)[0], read(tmp_path / "out.wav")[0], atol=2.0 ** -(bits + 1), rtol=0)


def test_24_bit_survives_from_flac_to_wav(tmp_path: Path) -> None:
    source = write(tmp_path / "in.flac", noise(1, 9_000), sample_format="s32")
    run(source, tmp_path / "out.wav")
    with av.open(str(tmp_path / "out.wav")) as out:
        assert out.streams.audio[0].codec_context.name == "pcm_s24le"
    assert np.array_equal(read(source)[0], read(tmp_path / "out.wav")[0])


@pytest.mark.parametrize("name", ["out.m4a", "out.mp4", "out.mkv", "out.webm", "out.ogg", "out.mp3"])
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_lossy_comes_out_where_it_was(tmp_path: Path, name: str, rate: int) -> None:
    source = write(tmp_path / "in.wav", noise(1, rate + 77, rate=rate), rate)
    options = {"audio_codec": "aac"} if name == "out.mkv" else {}
    run(source, tmp_path / name, **options)
    after, after_rate = read(tmp_path / name)
    if after_rate == rate:
        assert lag(read(source)[0], after) == 0
    assert 0 <= after.shape[1] - round((rate + 77) * after_rate / rate) < 2048


def test_aac_again_and_again_neither_drifts_nor_grows(tmp_path: Path) -> None:
    source = write(tmp_path / "0.wav", noise(2, 48_777))
    paths = [source, *(tmp_path / f"{generation}.m4a" for generation in range(1, 5))]
    for before, after in zip(paths, paths[1:], strict=False):
        assert run(before, after).samples == (48_777,)
    assert lag(read(source)[0], read(paths[-1])[0]) == 0


def test_many_channels(tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", noise(12, 8_000, rate=44_100), 44_100)
    run(source, tmp_path / "out.wav")
    assert error(read(source)[0], read(tmp_path / "out.wav")[0]) < 2e-3


# What goes beside the sound


def _picture(out: Any) -> Callable[[], None]:
    stream = out.add_stream("libx264", rate=25, width=64, height=48, options={"bf": "2", "preset": "ultrafast"})
    stream.metadata["language"] = "fra"

    def finish() -> None:
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 8, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))

    return finish


def _packets(path: Path, kind: str) -> list[tuple[bytes, float, float]]:
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        assert stream.time_base is not None
        return [
            (bytes(packet), float((packet.pts or 0) * stream.time_base), float((packet.dts or 0) * stream.time_base))
            for packet in container.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize(("before", "after"), [("mp4", "mp4"), ("mp4", "mkv"), ("mkv", "mkv"), ("mkv", "mov")])
def test_pictures_are_copied_bit_for_bit(tmp_path: Path, before: str, after: str) -> None:
    source = write(tmp_path / f"in.{before}", noise(2, 57_600), codec="aac", add=_picture)
    run(source, tmp_path / f"out.{after}")
    old, new = _packets(source, "video"), _packets(tmp_path / f"out.{after}", "video")
    assert [packet[0] for packet in old] == [packet[0] for packet in new]
    assert np.allclose([packet[1] for packet in old], [packet[1] for packet in new], atol=1e-3)
    assert lag(read(source)[0], read(tmp_path / f"out.{after}")[0]) == 0


def test_tags_languages_chapters_and_subtitles_are_kept(tmp_path: Path) -> None:
    def add(out: Any) -> Callable[[], None]:
        out.metadata.update(title="Évening", artist="Someone")
        name = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}}
        out.set_chapters([name, {**name, "id": 2, "start": 400, "end": 900, "metadata": {"title": "Two"}}])
        words = out.add_mux_stream("subrip")
        words.metadata["language"] = "deu"

        def finish() -> None:
            packet = av.Packet(b"Guten Abend")
            packet.pts = packet.dts = 300
            packet.duration, packet.time_base, packet.stream, packet.is_keyframe = 200, Fraction(1, 1000), words, True
            out.mux(packet)

        return finish

    source = write(tmp_path / "in.mkv", noise(1, 48_000), add=add)
    run(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert {"title": "Évening", "ARTIST": "Someone"}.items() <= out.metadata.items()
        assert [(chapter["start"], chapter["metadata"]["title"]) for chapter in out.chapters()] == [
            (0, "One"),
            (400_000_000, "Two"),
        ]
        assert [stream.language for stream in out.streams.subtitles] == ["deu"]
    assert [(packet[0], packet[1]) for packet in _packets(tmp_path / "out.mkv", "subtitle")] == [(b"Guten Abend", 0.3)]


@pytest.mark.parametrize("name", ["out.mp3", "out.flac", "out.m4a", "out.mka"])
def test_cover_images_travel(tmp_path: Path, name: str) -> None:
    image = io.BytesIO()
    with av.open(image, "w", format="image2pipe") as out:
        stream = out.add_stream("png", rate=1, width=16, height=16, pix_fmt="rgb24")
        out.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        out.mux(stream.encode(None))

    def add(out: Any) -> Callable[[], None]:
        out.add_attachment("cover.png", "image/png", image.getvalue())
        return lambda: None

    source = write(tmp_path / "in.mka", noise(1, 9_000), codec="flac", add=add)
    run(source, tmp_path / name)
    with av.open(str(tmp_path / name)) as out:
        assert [stream.codec_context.name for stream in out.streams.video] == ["png"]


def test_all_tracks_or_one(tmp_path: Path) -> None:
    def add(out: Any) -> Callable[[], None]:
        second = out.add_stream("flac", rate=44_100, layout="mono")
        second.metadata["language"] = "jpn"

        def finish() -> None:
            samples = (noise(1, 44_100, rate=44_100) * 32_000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
            out.mux(second.encode(frame))
            out.mux(second.encode(None))

        return finish

    source = write(tmp_path / "in.mkv", noise(2, 48_000), add=add)
    assert sorted(run(source, tmp_path / "both.mkv").samples) == [44_100, 48_000]
    one = run(source, tmp_path / "one.mkv", track=2)
    assert one.samples == (48_000,)
    assert _packets(source, "audio") == _packets(tmp_path / "one.mkv", "audio")  # the other one, untouched
    with pytest.raises(FormatError, match="choose one with --stream"):
        run(source, tmp_path / "out.wav")
    with pytest.raises(FormatError, match="no sound track 3"):
        run(source, tmp_path / "out.mkv", track=3)


# Time


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_sound_that_starts_late_still_does(tmp_path: Path, suffix: str) -> None:
    source = write(tmp_path / f"in.{suffix}", noise(1, 48_000), codec="flac", start=24_000, add=_picture)
    run(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as out:
        first = next(out.decode(audio=0))
        assert first.pts is not None
        assert first.pts * first.time_base == Fraction(1, 2)


def test_a_container_without_a_clock_gets_silence_for_sound_that_starts_late(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", noise(1, 48_000), start=24_000, add=_picture)
    report = run(source, tmp_path / "out.wav")
    samples, _ = read(tmp_path / "out.wav")
    assert samples.shape[1] == 72_000
    assert not samples[:, :24_000].any()
    assert np.array_equal(samples[:, 24_000:], read(source)[0])
    assert any("silence" in warning for warning in report.warnings)


def test_a_clock_that_starts_anywhere_is_brought_to_zero(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", noise(1, 48_000), start=48_000 * 90_000, add=None)
    run(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert out.start_time == 0


def test_missing_packets_become_silence(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", noise(1, 96_000))
    _remux(source, tmp_path / "holes.mkv", lambda number: not 8 <= number < 12)
    report = run(tmp_path / "holes.mkv", tmp_path / "out.mkv")
    before, after = read(source)[0], read(tmp_path / "out.mkv")[0]
    assert before.shape == after.shape
    different = np.flatnonzero((before != after).any(axis=0))
    assert different.size
    assert (after[:, different[0] : different[-1]] == 0).all()
    assert any("filled with silence" in warning for warning in report.warnings)


def _remux(source: Path, target: Path, keep: Callable[[int], bool]) -> None:
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = after.add_stream_from_template(before.streams.audio[0], opaque=True)
        for number, packet in enumerate(before.demux(audio=0)):
            if packet.size and keep(number):
                packet.stream = stream
                after.mux(packet)


# Damage


def test_numbers_that_are_none_become_zero(tmp_path: Path) -> None:
    samples = noise(2, 30_000)
    samples[0, 100], samples[1, 20_000:20_010] = np.nan, np.inf
    source = write(tmp_path / "in.wav", samples, codec="pcm_f32le")
    report = run(source, tmp_path / "out.wav")
    assert report.bad_samples == 11
    expected = np.where(np.isfinite(samples), samples, 0)
    assert np.array_equal(expected, read(tmp_path / "out.wav")[0])


@pytest.mark.parametrize("name", ["in.wav", "in.flac", "in.mkv", "in.mp3"])
def test_a_truncated_file_gives_what_is_there(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / name, noise(1, 96_000))
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    report = run(source, tmp_path / "out.wav")
    assert 48_000 < report.samples[0] < 96_000


def test_damaged_packets_are_counted_and_leave_no_shift(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", noise(1, 96_000))
    whole = bytearray(source.read_bytes())
    start = len(whole) // 2
    whole[start : start + 600] = np.random.default_rng(5).bytes(600)
    (tmp_path / "bad.mp4").write_bytes(whole)
    report = run(tmp_path / "bad.mp4", tmp_path / "out.wav")
    before, after = read(source)[0], read(tmp_path / "out.wav")[0]
    assert report.samples == (96_000,)
    assert np.abs(before[:, 80_000:96_000] - after[:, 80_000:]).max() < 1e-4


def test_a_packet_that_decodes_to_a_form_nothing_converts_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "in.mp4", noise(1, 96_000))
    adapt, seen = Adapter.__call__, []

    def fails_in_the_middle(self: Adapter, frame: av.AudioFrame) -> Sound:
        seen.append(frame)
        if len(seen) == 40:
            raise ValueError("Frame does not match AudioResampler setup.")
        return adapt(self, frame)

    monkeypatch.setattr(Adapter, "__call__", fails_in_the_middle)
    report = run(source, tmp_path / "out.wav")
    assert report.samples == (96_000,) and report.bad_packets == 1


def test_bad_input_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("nothing to hear\n" * 100)
    write(tmp_path / "nothing.wav", noise(1, 0))
    with av.open(str(tmp_path / "mute.mp4"), "w") as out:
        _picture(out)()
    expected = {
        "missing.wav": "there is no such file",
        ".": "is a directory",
        "empty.wav": "is empty",
        "text.wav": "not media",
        "nothing.wav": "its sound is empty",
        "mute.mp4": "no sound in it",
    }
    for name, reason in expected.items():
        with pytest.raises(FormatError, match=reason):
            run(tmp_path / name, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("seed", range(12))
def test_noise_in_a_file_never_crashes(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    source = write(tmp_path / f"in.{['mp4', 'mkv', 'mp3', 'flac'][seed % 4]}", noise(1, 30_000))
    whole = np.frombuffer(source.read_bytes(), np.uint8).copy()
    at = random.integers(0, whole.size, 40)
    whole[at] = random.integers(0, 256, 40)
    source.write_bytes(whole.tobytes())
    try:
        report = run(source, tmp_path / "out.flac")
    except FormatError:
        assert not (tmp_path / "out.flac").exists()
    else:
        assert report.seconds > 0


# Where it goes


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.wav", noise(1, 4_800)), tmp_path / "out.wav"
    target.write_text("precious")
    with pytest.raises(FormatError, match="--force"):
        run(source, target)
    assert target.read_text() == "precious"
    target.chmod(0o640)
    run(source, target, force=True)
    assert read(target)[0].shape == (1, 4_800)
    assert target.stat().st_mode & 0o777 == 0o640


def test_out_is_never_in(tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", noise(1, 4_800))
    (tmp_path / "link.wav").symlink_to(source)
    (tmp_path / "same.wav").hardlink_to(source)
    for name in ("in.wav", "link.wav", "same.wav"):
        with pytest.raises(FormatError, match="input itself"):
            run(source, tmp_path / name, force=True)


def test_out_must_make_sense(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", noise(6, 4_800), add=_picture)
    expected: dict[str, dict[str, Any]] = {
        "--format": {"target": "out.what"},
        "holds no sound": {"target": "out.png"},
        "no directory": {"target": "there/out.wav"},
        "--sound-only": {"target": "out.webm"},
        "no container is called": {"target": "out.wav", "container": "wavv"},
        "no encoder": {"target": "out.wav", "audio_codec": "nonsense"},
        "cannot go in mp3": {"target": "out.mp3"},
        "cannot go in webm": {"target": "out.webm", "audio_codec": "aac"},
    }
    for reason, options in expected.items():
        target = tmp_path / options.pop("target")
        with pytest.raises(FormatError, match=reason):
            run(source, target, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4"]


def test_a_failing_stage_leaves_nothing(tmp_path: Path) -> None:
    class Broken(Late):
        async def process(self, samples: Sound) -> Sound:
            raise RuntimeError("broken")

    stage = Broken(1, 0)
    source = write(tmp_path / "in.wav", noise(1, 48_000))
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(run_file(FileJob(str(source), str(tmp_path / "o.wav")), make_path=lambda _: SoundPath([stage])))
    assert stage.closed
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


async def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    class Slow(Late):
        async def process(self, samples: Sound) -> Sound:
            await asyncio.sleep(0.01)
            return samples

    source = write(tmp_path / "in.wav", noise(1, 480_000))
    job = FileJob(str(source), str(tmp_path / "out.wav"))
    task = asyncio.create_task(run_file(job, make_path=lambda _: SoundPath([Slow(1, 0)])))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert os.listdir(tmp_path) == ["in.wav"]


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", noise(1, 240_000))
    seen: list[Step] = []
    job = FileJob(str(source), str(tmp_path / "out.wav"))
    asyncio.run(run_file(job, make_path=late_path, progress=seen.append))
    assert [step.done_s for step in seen] == sorted(step.done_s for step in seen)
    assert seen[-1].done_s >= 5.0
    assert seen[-1].total_s == pytest.approx(5.0)


# Pipes and full disks, in a process of their own

PROGRAM = """
import asyncio, resource, signal, sys
sys.path.insert(0, {root!r})
from streamer.frame import FormatError
from streamer.pipeline import SoundPath
from streamer.transports.file import FileJob, run_file
limit = int(sys.argv[4])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    job = FileJob(sys.argv[1], sys.argv[2], container=sys.argv[3] or None, force=True)
    asyncio.run(run_file(job, make_path=lambda channels: SoundPath([])))
except FormatError as error:
    sys.exit(str(error))
except KeyboardInterrupt:
    sys.exit(130)
"""


def _command(source: str, target: str, container: str = "", limit: int = 0) -> list[str]:
    root = str(Path(__file__).resolve().parents[2])
    return [sys.executable, "-c", PROGRAM.format(root=root), source, target, container, str(limit)]


@pytest.mark.parametrize("container", ["", "flac", "matroska", "mp4"])
def test_pipes(tmp_path: Path, container: str) -> None:
    source = write(tmp_path / "in.flac", noise(2, 48_000))
    done = subprocess.run(
        _command("-", "-", container), input=source.read_bytes(), capture_output=True, timeout=60, check=True
    )
    samples, _ = read(io.BytesIO(done.stdout))
    assert np.array_equal(samples, read(source)[0])


def test_an_mp4_whose_index_comes_last_cannot_come_by_pipe(tmp_path: Path) -> None:
    source = write(tmp_path / "in.mp4", noise(1, 480_000))
    done = subprocess.run(_command("-", "-"), input=source.read_bytes(), capture_output=True, timeout=60)
    assert done.returncode == 1
    assert b"give the file itself" in done.stderr


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.wav", noise(2, 480_000)), tmp_path / "out.wav"
    target.write_text("precious")
    done = subprocess.run(_command(str(source), str(target), limit=600_000), capture_output=True, timeout=60)
    assert done.returncode == 1
    assert b"could not be written" in done.stderr
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_device_is_an_error(tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", noise(1, 4_800))
    with pytest.raises(FormatError, match="no space left"):
        run(source, "/dev/full", container="wav")


def test_a_run_that_waits_at_a_pipe_can_be_interrupted(tmp_path: Path) -> None:
    with subprocess.Popen(_command("-", str(tmp_path / "out.wav")), stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(write(tmp_path / "in.wav", noise(1, 96_000)).read_bytes()[:100_000])
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(2)
        assert process.wait(30) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY

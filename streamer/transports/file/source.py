"""A media file (or pipe) read in order: chosen sound decoded to 48 kHz blocks, everything else as packets to copy.

Blocking: it runs in a thread of its own. Bad packets, lying stamps and samples that are not numbers are mended here
and counted, so that what comes out is one unbroken stretch per track. Knows nothing of stages or of what is written.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream

from streamer.frame import SOUND_HZ, FormatError, Sound
from streamer.transports.file.codecs import MP4_FAMILY, TrackShape
from streamer.transports.file.pipes import PipeIn
from streamer.transports.file.resample import Resampler, layout_for
from streamer.transports.file.samples import Adapter, scrub
from streamer.transports.file.timeline import Timeline

if TYPE_CHECKING:
    from av.container.core import Chapter  # only a shape for dictionaries, absent at run time

__all__ = ["Item", "Packet", "SoundBlock", "SoundEnd", "SoundTrack", "Source", "is_picture", "opened", "origin_of"]

BLOCK_S = 0.5
BATCH_BYTES = 4 << 20
# Their clock starts anywhere; elsewhere the start is meant.
_FREE_RUNNING = frozenset({"mpegts", "mpeg", "mp3", "rtsp", "asf"})
LATEST_START_S = 10


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """The next `samples` `[C, T]` of a track at 48 kHz; `start` is the time in seconds of the track's very first."""

    track: int
    start: Fraction
    samples: Sound


@dataclass(frozen=True, slots=True)
class SoundEnd:
    """A track is over: it had `length` samples at its own rate. `samples` is what still had to come out."""

    track: int
    start: Fraction
    length: int
    samples: Sound


Packet: TypeAlias = "av.Packet[Stream]"
Item: TypeAlias = "SoundBlock | SoundEnd | Packet"


class SoundTrack:
    """One track of sound being decoded; `shape` says what it was in the file."""

    def __init__(self, number: int, stream: AudioStream, container: str) -> None:
        self.number, self.stream = number, stream
        self.shape = _shape(stream, container)
        self.bad_packets = self.bad_samples = 0
        self.timeline = Timeline(self.shape.rate, Fraction(stream.time_base or 1))
        self._trims = container.split(",")[0] in MP4_FAMILY
        self._resampler = Resampler(self.shape.channels, self.shape.rate, SOUND_HZ)
        self._adapt = Adapter(self.shape.channels, self.shape.rate, layout=self.shape.layout)
        self._held: list[Sound] = []
        self._held_samples = 0
        self._lost = False

    @property
    def start(self) -> Fraction:
        return self.timeline.start or Fraction(0)

    def decode(self, packet: Packet | None) -> Iterator[SoundBlock]:
        """The blocks that a packet completes; None: the decoder gives up what it holds."""
        try:
            pieces = [self._placed(frame) for frame in self.stream.codec_context.decode(packet)]
        except (av.FFmpegError, ValueError):  # no sound, or sound of a kind that nothing converts
            self.bad_packets += 1
            self._lost = True
            return
        for at, samples in pieces:
            yield from self._place(at, samples)

    def finish(self) -> SoundEnd:
        """What is left when the file is over."""
        block = self._block()
        rest = np.concatenate([block.samples, self._resampler.flush()], axis=1)
        return SoundEnd(self.number, self.start, self.timeline.length, rest)

    def _placed(self, frame: av.AudioFrame) -> tuple[Fraction | None, Sound]:
        """When the frame begins, as far as it is known, and its samples."""
        tick = Fraction(self.stream.time_base or 1)
        at = None if frame.pts is None else frame.pts * tick
        samples = self._adapt(frame)
        if self._trims and frame.duration:
            # MP4 says how much of the last packet is meant; decoders return all of it.
            samples = samples[:, : max(1, round(frame.duration * tick * self.shape.rate))]
        return at, samples

    def _place(self, at: Fraction | None, samples: Sound) -> Iterator[SoundBlock]:
        for piece in self.timeline.place(at, samples, after_loss=self._lost):
            self._held.append(piece)
            self._held_samples += piece.shape[1]
            if self._held_samples >= BLOCK_S * self.shape.rate:
                yield self._block()
        self._lost = False

    def _block(self) -> SoundBlock:
        empty = np.zeros((self.shape.channels, 0), np.float32)
        samples, bad = scrub(np.concatenate([empty, *self._held], axis=1))
        self.bad_samples += bad
        self._held, self._held_samples = [], 0
        return SoundBlock(self.number, self.start, self._resampler.push(samples))


def _shape(stream: AudioStream, container: str) -> TrackShape:
    context = stream.codec_context
    if not context.sample_rate or not context.layout.nb_channels or context.format is None:
        raise FormatError(f"stream {stream.index} ({context.name}) says it is sound but has none that can be decoded")
    name, packed = context.codec.canonical_name, context.format.packed.name
    digits = "".join(filter(str.isdigit, name.removeprefix("pcm_"))) if name.startswith("pcm_") else ""
    lossless = (context.codec.lossless and not context.codec.lossy) or name.startswith("wavpack")
    return TrackShape(
        codec=name,
        container=container,
        rate=context.sample_rate,
        channels=context.layout.nb_channels,
        layout=layout_for(context.layout.nb_channels) if "channels" in context.layout.name else context.layout.name,
        bits=int(digits or {"u8": 8, "s16": 16, "s32": 24, "flt": 32, "dbl": 64}.get(packed, 16)),
        is_float=packed in ("flt", "dbl"),
        is_lossless=lossless,
        bit_rate=context.bit_rate or 0,
    )


def is_picture(stream: Stream) -> bool:
    """A cover image rather than moving pictures."""
    return bool(stream.disposition & Disposition.attached_pic)


class Source:
    """IN, opened.

    Raises:
        FormatError: it is not media that can be read, or has no sound, or not the track asked for.
    """

    def __init__(self, file: Path | PipeIn | BinaryIO, *, name: str, only_track: int | None = None) -> None:
        self.name = name
        self._file = file
        self._container = opened(file, name)
        self.stopped_early = ""
        try:
            self.tracks = self._choose_tracks(only_track)
        except BaseException:
            self.close()
            raise
        chosen = {track.stream.index for track in self.tracks}
        self.others = [stream for stream in self._container.streams if stream.index not in chosen]
        self.origin = origin_of(self._container)
        self._demuxed = self._packets()
        self._ahead: list[Packet] = []
        self.pictures = self._cover_images()
        self._items = self._read()

    @property
    def container(self) -> str:
        """The names its format goes by, with commas."""
        return str(self._container.format.name)

    @property
    def is_pipe(self) -> bool:
        return isinstance(self._file, PipeIn)

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self._container.metadata)

    @property
    def chapters(self) -> list[Chapter]:
        return self._container.chapters()

    @property
    def duration_s(self) -> float | None:
        """What the header says, if anything."""
        return self._container.duration / av.time_base if self._container.duration else None

    def read(self) -> list[Item]:
        """The next items in file order, about half a second of sound; empty at the end."""
        batch: list[Item] = []
        weight = 0
        for item in self._items:
            batch.append(item)
            weight += item.size if isinstance(item, av.Packet) else item.samples.nbytes
            if not isinstance(item, av.Packet) or weight >= BATCH_BYTES:
                break
        return batch

    def stop(self) -> None:
        """Let go a `read` that waits at a pipe."""
        if isinstance(self._file, PipeIn):
            self._file.stop()

    def close(self) -> None:
        self._container.close()

    def _choose_tracks(self, only: int | None) -> list[SoundTrack]:
        found = [stream for stream in self._container.streams.audio if stream.codec_context is not None]
        if not found:
            raise FormatError(f"{self.name}: no sound in it that can be decoded")
        if only is not None and not 1 <= only <= len(found):
            raise FormatError(f"{self.name}: no sound track {only}; it has {len(found)}, counted from 1")
        wanted = found if only is None else [found[only - 1]]
        return [SoundTrack(number, stream, self.container) for number, stream in enumerate(wanted)]

    def _cover_images(self) -> dict[int, bytes]:
        """By stream; libav delivers them before anything else."""
        missing = {stream.index for stream in self.others if is_picture(stream)}
        found: dict[int, bytes] = {}
        while missing - found.keys() and len(self._ahead) <= 2 * len(missing):
            packet = next(self._demuxed, None)
            if packet is None:
                break
            self._ahead.append(packet)
            if packet.stream_index in missing:
                found[packet.stream_index] = bytes(packet)
        return found

    def _read(self) -> Iterator[Item]:
        by_index = {track.stream.index: track for track in self.tracks}
        for packet in itertools.chain(self._ahead, self._demuxed):
            track = by_index.get(packet.stream_index)
            if track is not None:
                yield from track.decode(packet)
            else:
                yield packet
        for track in self.tracks:
            yield from track.decode(None)
            yield track.finish()

    def _packets(self) -> Iterator[Packet]:
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, ValueError) as error:
                self.stopped_early = str(error)
                return
            if packet is None:
                return
            if packet.size:  # the empty ones only ask decoders to finish
                yield packet


def origin_of(container: InputContainer) -> Fraction:
    """The time in the file that becomes zero in OUT."""
    start = Fraction(container.start_time or 0, av.time_base)
    free = bool(_FREE_RUNNING & set(container.format.name.split(",")))
    return start if free or not 0 <= start <= LATEST_START_S else Fraction(0)


def opened(file: Path | PipeIn | BinaryIO, name: str) -> InputContainer:
    """Raises FormatError: it is no media that can be read."""
    # "file:" so that a name with a colon is never taken for an address on the network. What comes without a name of
    # its own may be a stranger's playlist, which must not make us open anything.
    source, options = (f"file:{file}", {}) if isinstance(file, Path) else (file, {"protocol_whitelist": "none"})
    try:
        return av.open(source, "r", options=options, metadata_errors="surrogateescape")
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise FormatError(f"{name}: no permission to read it") from error
        raise FormatError(f"{name}: not media that can be read here ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

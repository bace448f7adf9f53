"""Captions put into a file: a stream of text beside what there is, or rows drawn into its picture.

Everything else is copied packet by packet. Blocking: it runs in a thread of its own. Knows cues; not where from.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Protocol

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from streamer.frame import FormatError
from streamer.text.cues import Cue
from streamer.transports.file.codecs import MP4_FAMILY, add_copy, objection
from streamer.transports.file.picture import Drawing, Drawn, turns_of
from streamer.transports.file.pipes import PipeOut
from streamer.transports.file.plan import FileJob, container_of, describe
from streamer.transports.file.source import Packet, is_picture, opened, origin_of
from streamer.transports.file.target import moved, options_of
from streamer.transports.file.tracks import Copy, lasting

__all__ = ["Captioned", "Stopped", "captioned", "text_codec"]

TEXT_HZ = 1000
TICKS_HZ = 90_000
BUFFER_BYTES = 256 << 10


class Stopped(Exception):
    """Nobody wants the result any more."""


@contextlib.contextmanager
def captioned(
    job: FileJob, file: BinaryIO | PipeOut, cues: Sequence[Cue], *, how: str, codec: str | None = None
) -> Iterator[Captioned]:
    """The job's IN open and OUT begun; `how`: "burn" or "soft".

    Raises:
        FormatError: as `Captioned`, or IN cannot be read.
    """
    container = container_of(job)
    if how == "soft":
        text_codec(container)
    with contextlib.closing(opened(Path(job.source), job.source)) as source:
        if how == "soft":
            yield Captioned(source, file, container, cues)
            return
        with contextlib.closing(opened(Path(job.source), job.source)) as ahead:
            turns = turns_of(ahead)
        yield Captioned(source, file, container, Drawing(cues, turns=turns, codec=codec))


class Captioned:
    """OUT being written from `source`, opened. `notes`: what was left out, in words.

    `added`: a drawing, on the first moving picture, or cues as a stream of text.

    Raises:
        FormatError: there is no picture to draw on, or the container cannot hold what it must.
    """

    def __init__(
        self, source: InputContainer, file: BinaryIO | PipeOut, container: str, added: Drawing | Sequence[Cue]
    ) -> None:
        self._source, self._origin = source, origin_of(source)
        self._out = av.open(
            file,
            "w",
            format=container,
            container_options=options_of(container, rate=TICKS_HZ, streams=not file.seekable()),
            buffer_size=BUFFER_BYTES,
            metadata_errors="surrogateescape",
        )
        self._out.metadata.update(lasting(dict(source.metadata)))
        self._out.set_chapters([moved(chapter, self._origin) for chapter in source.chapters()])
        self.notes: list[str] = []
        self._ways = dict(self._make_ways(container, added if isinstance(added, Drawing) else None))
        self._text = None if isinstance(added, Drawing) else _Text(self._out, added)

    def write(self, *, tell: Callable[[float], None], stop: threading.Event) -> None:
        """All of it; `tell` hears how many seconds are done.

        Raises:
            Stopped: `stop` was set meanwhile.
        """
        for packet in self._source.demux():
            if stop.is_set():
                raise Stopped
            if packet.size:
                self._write(packet, tell)
        self._mux([packet for way in self._ways.values() for packet in way.flush()])
        self._mux(self._text.until(float("inf")) if self._text else [])
        self._out.start_encoding()
        self._out.close()

    def _write(self, packet: Packet, tell: Callable[[float], None]) -> None:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            done_s = float(stamp * Fraction(packet.time_base or 1) - self._origin)
            tell(done_s)
            self._mux(self._text.until(done_s) if self._text else [])
        if (way := self._ways.get(packet.stream_index)) is not None:
            self._mux(way.push(packet))

    def _make_ways(self, container: str, drawing: Drawing | None) -> Iterator[tuple[int, _Way]]:
        """What becomes of each stream, by its index."""
        drawn = None if drawing is None else _drawn_stream(self._source)
        for stream in self._source.streams:
            if drawing is not None and stream is drawn:
                yield stream.index, Drawn(self._out, stream, drawing, origin=self._origin)
            elif reason := _refused(stream, container):
                self.notes.append(f"left out {describe(stream)}: {reason}")
            else:
                yield stream.index, Copy(self._out, stream, self._origin)

    def _mux(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._out.mux_one(packet)


def text_codec(container: str) -> str:
    """How text is written there.

    Raises:
        FormatError: it holds none.
    """
    known = {"matroska": "subrip", "webm": "webvtt"} | dict.fromkeys(MP4_FAMILY, "mov_text")
    if container not in known:
        raise FormatError(f"{container} holds no stream of text; write .mp4, .mkv or .webm, or use --captions burn")
    return known[container]


class _Way(Protocol):
    """What packets of one stream of IN become."""

    def push(self, packet: Packet) -> list[Packet]: ...

    def flush(self) -> list[Packet]: ...


def _drawn_stream(source: InputContainer) -> VideoStream:
    moving = [stream for stream in source.streams.video if not is_picture(stream)]
    if not moving:
        raise FormatError("there is no picture to draw captions on; write .srt or .vtt, or use --captions soft")
    return moving[0]


def _refused(stream: Stream, container: str) -> str:
    """Why a stream cannot be copied, or nothing.

    Raises:
        FormatError: it is what the file is about.
    """
    reason = objection(container, lambda out: add_copy(out, stream))
    if not reason or is_picture(stream) or stream.type not in ("video", "audio"):
        return reason and f"{container} cannot hold it"
    raise FormatError(f"{describe(stream)} cannot be copied into {container}; write .mkv")


class _Text:
    """Cues as packets of a stream of their own."""

    def __init__(self, out: OutputContainer, cues: Sequence[Cue]) -> None:
        self._codec = text_codec(out.format.name)
        self._stream = out.add_mux_stream(self._codec)
        self._stream.time_base = Fraction(1, TEXT_HZ)
        self._stream.metadata.update({"language": "eng", "title": "Captions"})
        self._stream.disposition = Disposition.default
        self._cues = list(reversed(cues))

    def until(self, time_s: float) -> list[Packet]:
        """Those that begin before then and have not been given yet."""
        packets = []
        while self._cues and self._cues[-1].start_s <= time_s:
            packets.append(self._packet(self._cues.pop()))
        return packets

    def _packet(self, cue: Cue) -> Packet:
        text = cue.text.encode()
        if self._codec == "mov_text":  # 3GPP TS 26.245: the length first
            text = len(text).to_bytes(2, "big") + text
        packet = av.Packet(text)
        packet.stream, packet.time_base = self._stream, Fraction(1, TEXT_HZ)
        packet.pts = packet.dts = round(cue.start_s * TEXT_HZ)
        packet.duration = round(cue.end_s * TEXT_HZ) - packet.pts
        return packet

"""OUT: processed sound and copied packets muxed in step into one container.

Blocking: it runs in a thread of its own. Knows nothing of stages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import av
from av.container import OutputContainer
from av.stream import Stream

from streamer.transports.file.codecs import MP4_FAMILY
from streamer.transports.file.pipes import PipeOut
from streamer.transports.file.plan import Plan
from streamer.transports.file.source import Item, Packet, SoundBlock, SoundEnd, Source, is_picture
from streamer.transports.file.tracks import Copy, SoundOut, lasting

if TYPE_CHECKING:
    from av.container.core import Chapter  # only a shape for dictionaries, absent at run time

__all__ = ["Target", "moved", "options_of"]

BUFFER_BYTES = 256 << 10
_CLOCKLESS = frozenset(
    {"wav", "w64", "aiff", "caf", "au", "flac", "mp3", "adts", "ac3", "eac3", "wv", "tta", "mp2", "avi"}
)
_UNTOLD = frozenset({"adts", "ac3", "eac3", "mp2", "avi", "mpegts", "mpeg", "flv"})


class Target:
    """A container being written, its streams in the order of the source. `notes`: what OUT could not keep."""

    def __init__(self, file: BinaryIO | PipeOut, plan: Plan, source: Source) -> None:
        self._container, self._origin = plan.container, source.origin
        self._out = av.open(
            file,
            "w",
            format=plan.container,
            container_options=options_of(plan.container, rate=plan.sound[0][1].rate, streams=not file.seekable()),
            buffer_size=BUFFER_BYTES,
            metadata_errors="surrogateescape",
        )
        self._out.metadata.update(lasting(source.metadata))
        self._out.set_chapters([moved(chapter, self._origin) for chapter in source.chapters])
        self._clock = plan.container not in _CLOCKLESS
        starts = [start for stream in source.others if (start := _start(stream)) is not None]
        self._picture_start = min(starts, default=None)
        self._sound: dict[int, SoundOut] = {}
        self._copies: dict[int, Copy] = {}
        self._add_streams(plan, source.pictures)

    @property
    def mended_stamps(self) -> int:
        """Copied packets whose time ran backwards."""
        return sum(copy.mended for copy in self._copies.values())

    @property
    def notes(self) -> list[str]:
        name, tracks = self._container, self._sound.values()
        silent = [
            f"{track.lead} samples of silence come first: {name} cannot say that sound starts late"
            for track in tracks
            if track.lead
        ]
        late = [
            f"{name} cannot tell of the encoder's delay: the sound comes {track.padding} samples late"
            for track in tracks
            if track.padding and name in _UNTOLD
        ]
        return silent + late

    def write(self, items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, av.Packet):
                self._copy(item)
            elif isinstance(item, SoundBlock):
                self._mux(self._sound[item.track].push(item.samples, self._time(item.start)))
            else:
                self._finish(item)

    def close(self) -> None:
        """Write the end of the file."""
        for copy in self._copies.values():
            self._mux(copy.flush())
        self._out.start_encoding()
        self._out.close()

    def _add_streams(self, plan: Plan, pictures: Mapping[int, bytes]) -> None:
        tracks = {track.stream.index: (track, encoding) for track, encoding in plan.sound}
        others = {stream.index: stream for stream in plan.copied}
        for index in sorted([*tracks, *others]):
            if index in tracks:
                track, encoding = tracks[index]
                self._sound[track.number] = SoundOut(self._out, track, encoding, has_clock=self._clock)
            elif is_picture(others[index]) and self._container == "matroska":
                _attach(self._out, others[index], pictures.get(index, b""))
            else:
                self._copies[index] = Copy(self._out, others[index], self._origin)

    def _time(self, start: Fraction) -> Fraction:
        """When a track that starts at `start` in the source starts in OUT."""
        if self._clock:
            return start - self._origin
        # The picture is not there to say so, but people lay the sound beside it.
        return max(Fraction(0), start - self._picture_start) if self._picture_start is not None else Fraction(0)

    def _copy(self, packet: Packet) -> None:
        copy = self._copies.get(packet.stream_index)
        if copy is not None:
            self._mux(copy.push(packet))

    def _finish(self, end: SoundEnd) -> None:
        track = self._sound[end.track]
        packets = track.finish(end, self._time(end.start))
        self._mux(_clipped(packets, track.end_pts) if self._container in MP4_FAMILY else packets)

    def _mux(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._out.mux_one(packet)


def _start(stream: Stream) -> Fraction | None:
    """When the moving pictures of a stream begin, if that is what it has."""
    if stream.type != "video" or is_picture(stream) or stream.start_time is None:
        return None
    return stream.start_time * Fraction(stream.time_base or 1)


def _attach(out: OutputContainer, picture: Stream, image: bytes) -> None:
    """A cover image as Matroska keeps them: an attached file."""
    kind = "jpeg" if picture.codec_context.name == "mjpeg" else picture.codec_context.name
    name = picture.metadata.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}")
    out.add_attachment(name, picture.metadata.get("mimetype", f"image/{kind}"), image)


def _clipped(packets: Sequence[Packet], end: int) -> list[Packet]:
    """MP4 tells the true length by the duration of the last packet; some encoders leave their padding in it."""
    kept = [packet for packet in packets if packet.pts is not None and packet.pts < end]
    for packet in kept:
        packet.duration = min(packet.duration or 0, end - (packet.pts or 0))
    return kept


def moved(chapter: Chapter, origin: Fraction) -> Chapter:
    """The chapter where the time `origin` is zero."""
    shift = round(origin / (chapter["time_base"] or 1))
    return {**chapter, "start": chapter["start"] - shift, "end": chapter["end"] - shift}


def options_of(container: str, *, rate: int, streams: bool) -> dict[str, str]:
    """For the muxer; `rate`: ticks a second of the whole file's clock; `streams`: it cannot be wound back."""
    if container not in MP4_FAMILY:
        return {}
    # In the usual milliseconds, a track that starts late would start up to half of one too early or too late.
    options = {"movie_timescale": str(rate)}
    if streams:  # an index that comes last cannot be written to a pipe
        options["movflags"] = "frag_keyframe+empty_moov+delay_moov+default_base_moof"
    return options

"""The picture of a file with captions drawn into it: decoded, drawn on, encoded, each at its own time.

Pictures without a caption are encoded too, so that the stream is one. Knows cues and packets, no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from streamer.frame import FormatError, VideoFrame
from streamer.stages.burn import Painter
from streamer.stages.screen import Row
from streamer.text.cues import Cue
from streamer.transports.codecs import as_av, planes
from streamer.transports.file.source import Packet
from streamer.transports.file.tracks import lasting

__all__ = ["Drawing", "Drawn", "turns_of"]

# No GPL in it, and every browser plays it; others by name.
USUAL = "libvpx-vp9"
OPTIONS = {USUAL: {"deadline": "realtime", "cpu-used": "5", "row-mt": "1", "crf": "30"}}
BITS_A_PIXEL = 0.15


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn how large on a picture that stands upright after `turns` quarters to the left.

    `codec`: of what comes of it; None for one that every browser plays.
    """

    cues: Sequence[Cue]
    turns: int = 0
    codec: str | None = None
    size: float = 1.0


class Drawn:
    """One stream of pictures, drawn on; the time `origin` becomes zero."""

    def __init__(self, out: OutputContainer, stream: VideoStream, drawing: Drawing, *, origin: Fraction) -> None:
        self._source, self._drawing, self._turns = stream, drawing, drawing.turns
        self._painter = Painter()
        self._at, self._last_pts = 0, -1
        self._tick = Fraction(stream.time_base or Fraction(1, 90_000))
        self._origin_ticks = round(origin / self._tick)
        self._target = self._add(out, _encoder(drawing.codec or USUAL))

    def push(self, packet: Packet) -> list[Packet]:
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError:  # a picture that cannot be decoded; the one before stands longer
            return []
        return [ready for frame in frames for ready in self._drawn(frame)]

    def flush(self) -> list[Packet]:
        last = [ready for frame in self._source.codec_context.decode(None) for ready in self._drawn(frame)]
        return [*last, *self._target.encode(None)]

    def _add(self, out: OutputContainer, codec: str) -> VideoStream:
        """The stream in OUT. Whatever the encoder makes of it, the picture looks the same in size and colour."""
        source = self._source.codec_context
        rate = self._source.average_rate or Fraction(25)
        target = cast(VideoStream, out.add_stream(codec, rate=rate, options=OPTIONS.get(codec, {})))
        context = target.codec_context
        context.width, context.height = (source.width, source.height)[:: -1 if self._turns % 2 else 1]
        context.pix_fmt, context.time_base = "yuv420p", self._tick
        context.bit_rate = int(max(source.bit_rate or 0, source.width * source.height * rate * BITS_A_PIXEL))
        context.color_range, context.colorspace = source.color_range, source.colorspace
        context.color_primaries, context.color_trc = source.color_primaries, source.color_trc
        target.metadata.update(lasting(self._source.metadata))
        return target

    def _drawn(self, frame: av.VideoFrame) -> list[Packet]:
        stamp = self._last_pts + 1 if frame.pts is None else frame.pts - self._origin_ticks
        if stamp <= self._last_pts:  # it runs backwards; two pictures cannot stand at once
            return []
        self._last_pts = stamp
        picture = _turned(planes(frame, pts=stamp, arrival=0.0), self._turns)
        made = as_av(self._painter.draw(picture, self._rows(float(stamp * self._tick)), size=self._drawing.size))
        made.pts, made.time_base = stamp, self._tick
        return list(self._target.encode(made))

    def _rows(self, time_s: float) -> Sequence[Row]:
        cues = self._drawing.cues
        while self._at < len(cues) and cues[self._at].end_s <= time_s:
            self._at += 1
        due = self._at < len(cues) and cues[self._at].start_s <= time_s
        return [Row(line) for line in cues[self._at].lines] if due else []


def turns_of(source: InputContainer) -> int:
    """By how many quarters to the left the first moving picture must be turned to stand upright; reads some of it."""
    frame = next(source.decode(video=0), None) if source.streams.video else None
    return 0 if frame is None else round(frame.rotation / 90) % 4


def _turned(frame: VideoFrame, turns: int) -> VideoFrame:
    if not turns:
        return frame
    y, u, v = (np.rot90(plane, turns) for plane in (frame.y, frame.u, frame.v))
    return replace(frame, y=y, u=u, v=v)


def _encoder(name: str) -> str:
    try:
        codec = Codec(name, "w")
    except UnknownCodecError:
        raise FormatError(f"no encoder for {name!r} here; `limelight doctor` lists what there is") from None
    if codec.type != "video":
        raise FormatError(f"{name!r} is for {codec.type}, not for pictures")
    return codec.name

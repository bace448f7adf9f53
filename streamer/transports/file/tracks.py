"""The streams of OUT: sound being encoded, and packets being copied.

Blocking, in the writer's thread. Sample n of a track's sound is written at the time of sample n of its source; the
encoder's own delay is told to the container where that can be told. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.stream import Stream

from streamer.frame import SOUND_HZ, Sound
from streamer.transports.file.codecs import Encoding, add_copy, add_sound
from streamer.transports.file.resample import Resampler
from streamer.transports.file.samples import from_float
from streamer.transports.file.source import Packet, SoundEnd, SoundTrack, is_picture

__all__ = ["Copy", "SoundOut", "lasting"]

MOST_UNDATED = 32
# Tags that describe the old file rather than its content.
_STALE = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_", "encoder", "ENCODER", "vendor_id")
_BRANDS = ("major_brand", "minor_version", "compatible_brands")


class SoundOut:
    """One track of sound being encoded; gives packets. `has_clock`: the container can say when it starts.

    `lead`: samples of silence put first; `padding`: samples that the encoder put before them.
    """

    def __init__(self, out: OutputContainer, track: SoundTrack, encoding: Encoding, *, has_clock: bool) -> None:
        self.stream = add_sound(out, encoding)
        _inherit(self.stream, track.stream)
        self.lead = self.padding = 0
        self._encoding, self._source_hz, self._has_clock = encoding, track.shape.rate, has_clock
        self._resampler = Resampler(track.shape.channels, SOUND_HZ, encoding.rate)
        self._first: int | None = None
        self._written = 0
        self._limit: int | None = None

    @property
    def end_pts(self) -> int:
        return (self._first or 0) + self._written

    def push(self, samples: Sound, start: Fraction) -> list[Packet]:
        """Encode `samples` at 48 kHz, as far as the limit allows; `start` is the time of the track's first."""
        packets = [] if self._first is not None else self._begin(samples.shape[0], start)
        return packets + self._encode(self._resampler.push(samples))

    def finish(self, end: SoundEnd, start: Fraction) -> list[Packet]:
        """The last samples, to exactly the length of the source."""
        self._limit = round(Fraction(end.length * self._encoding.rate, self._source_hz))
        packets = self.push(end.samples, start) + self._encode(self._resampler.flush())
        return packets + list(self.stream.encode(None))

    def _begin(self, channels: int, start: Fraction) -> list[Packet]:
        first = round(start * self._encoding.rate)
        self._first, self.lead = (first, 0) if self._has_clock else (0, first)
        return self._encode(np.zeros((channels, self.lead), np.float32))

    def _encode(self, samples: Sound) -> list[Packet]:
        if self._limit is not None:
            samples = samples[:, : max(0, self._limit + self.lead - self._written)]
        if not samples.shape[1]:
            return []
        encoding = self._encoding
        frame = from_float(samples, encoding.sample_format, bits=encoding.bits, layout=encoding.layout)
        frame.sample_rate, frame.time_base = encoding.rate, Fraction(1, encoding.rate)
        frame.pts = self.end_pts
        self._written += samples.shape[1]
        packets = list(self.stream.encode(frame))
        if packets and not self.padding:
            self.padding = max(0, (self._first or 0) - (packets[0].pts or 0))
        return packets


class Copy:
    """One stream copied but for the origin of time. `mended`: how many stamps ran backwards."""

    def __init__(self, out: OutputContainer, stream: Stream, origin: Fraction) -> None:
        self.stream = add_copy(out, stream)
        self.mended = 0
        _inherit(self.stream, stream)
        if stream.type == "video" and stream.codec_context.codec_tag == "hvc1":
            self.stream.codec_context.codec_tag = "hvc1"  # what Apple's players insist on
        self._shift = round(origin / (stream.time_base or 1))
        self._last_dts: int | None = None
        self._undated: list[Packet] = []
        self._filter = _start_codes(stream, self.stream) if out.format.name == "avi" else None

    def push(self, packet: Packet) -> list[Packet]:
        """The packets that can be written now that this one has come, on OUT's clock."""
        if self._filter is None:
            return self._push(packet)
        return [ready for filtered in self._filter.filter(packet) for ready in self._push(filtered)]

    def _push(self, packet: Packet) -> list[Packet]:
        if packet.dts is None and packet.pts is None and is_picture(self.stream):
            packet.dts = packet.pts = 0
        self._undated.append(packet)
        if packet.dts is None and len(self._undated) < MOST_UNDATED:
            return []
        return self.flush()

    def flush(self) -> list[Packet]:
        """The packets that wait for a decoding time, dated backwards from the one that has one, or by what they show.

        Matroska does not store decoding times, and the first pictures of a stream that reorders them come without.
        """
        packets = [packet for packet in self._undated if packet.dts is not None or packet.pts is not None]
        self._undated = []
        stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
        for number in reversed(range(len(packets))):
            packet, following = packets[number], packets[number + 1 :]
            if packet.dts is None:
                step = packet.duration or 1
                known = following[0].dts if following else stamps[0]
                packet.dts = (known or 0) - step if following else known
        return [self._moved(packet) for packet in packets]

    def _moved(self, packet: Packet) -> Packet:
        stamp = packet.dts or 0
        dts = stamp - self._shift
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._last_dts + 1
            self.mended += 1
        if packet.pts is not None:
            packet.pts = max(packet.pts - stamp + dts, dts)
        packet.dts = self._last_dts = dts
        packet.stream = self.stream
        return packet


def _start_codes(stream: Stream, out: Stream) -> BitStreamFilterContext | None:
    """AVI is the one container that needs H.264 the way broadcasts have it and does not see to that itself."""
    lengths = stream.type == "video" and (stream.codec_context.extradata or b"")[:1] == b"\x01"
    name = stream.codec_context.name if lengths else ""
    return BitStreamFilterContext(f"{name}_mp4toannexb", stream, out) if name in ("h264", "hevc") else None


def _inherit(stream: Stream, template: Stream) -> None:
    """Language, title and the like, and what the stream is for."""
    stream.metadata.update(lasting(template.metadata))
    stream.disposition = template.disposition


def lasting(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that describe the old file rather than its content."""
    return {key: value for key, value in tags.items() if not key.startswith(_STALE + _BRANDS)}

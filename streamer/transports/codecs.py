"""Opus and VP8 between packets and frames, H.264 coming in. One object a stream; work for a thread.

Knows nothing of sockets or of RTP. H.264 is only decoded, by FFmpeg itself: what encodes it is libx264, which is GPL.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import av
import numpy as np
from av.codec.context import Flags
from av.video.frame import PictureType
from numpy.typing import NDArray

from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, FormatError, Sound, VideoFrame

__all__ = [
    "Encoded",
    "PictureDecoder",
    "PictureEncoder",
    "SoundDecoder",
    "SoundEncoder",
    "as_av",
    "planes",
]

OPUS_LAG = 120  # samples by which what libopus codes as "lowdelay" is behind what it is given
FULL_RANGE = 2  # AVCOL_RANGE_JPEG
BT709 = 1  # AVCOL_SPC_BT709


@dataclass(frozen=True, slots=True)
class Encoded:
    """One packet of sound, or one picture; `pts` at `rate` on the session clock, `arrival` that of its frame."""

    payload: bytes
    pts: int
    rate: int
    key: bool
    arrival: float = 0.0


class SoundDecoder:
    """Opus packets of one stream to `[channels, T]`; libopus mixes down, or doubles, what is coded otherwise."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._codec = _sound_context("r")
        self._codec.layout = _layout(channels)
        self._codec.sample_rate = SOUND_HZ
        self._codec.options = {"request_sample_fmt": "flt"}

    def decode(self, payload: bytes) -> Sound:
        """The packet's samples.

        Raises:
            FormatError: this is not an Opus packet.
        """
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise FormatError("not an Opus packet") from error
        parts = [frame.to_ndarray().reshape(-1, self.channels).T for frame in frames]
        if not parts:
            return np.zeros((self.channels, 0), dtype=np.float32)
        return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)


class SoundEncoder:
    """Frames of any length to Opus packets of `packet_ms`.

    Application "lowdelay" (CELT only): the coded signal lags by 120 samples instead of the 312 of "voip" and "audio",
    in half the time, and at 48 kb/s and more it sounds no worse. A packet's pts is that of the sound that a decoder
    makes of it, so the lag is accounted for.
    """

    def __init__(self, channels: int, *, bitrate_bps: int = 96_000, packet_ms: int = 20) -> None:
        self.channels, self.packet = channels, SOUND_HZ * packet_ms // 1000
        self._codec = _opus_encoder(channels, bitrate_bps, packet_ms)
        self._held: Sound = np.zeros((channels, 0), dtype=np.float32)
        self._pts = 0  # of the first sample held
        self._started = False

    def encode(self, frame: AudioFrame) -> list[Encoded]:
        """The packets that this frame completes.

        Packets follow each other end to end while the frames' pts do so to within 2 ms; beyond, the pts move; a hole or
        an overlap of more than 20 ms starts a new packet.
        """
        if frame.samples.shape[0] != self.channels:
            raise FormatError(f"this encoder takes {self.channels} channels, not {frame.samples.shape[0]}")
        self._take(frame)
        packets: list[Encoded] = []
        while self._held.shape[1] >= self.packet:
            packets += self._encode_one(self._held[:, : self.packet], frame.arrival)
            self._held = self._held[:, self.packet :]
            self._pts += self.packet
        return packets

    def _take(self, frame: AudioFrame) -> None:
        hole = frame.pts - (self._pts + self._held.shape[1])
        if not self._started or abs(hole) > SOUND_HZ // 50:
            self._started, self._pts, self._held = True, frame.pts, self._held[:, :0]
        elif abs(hole) > SOUND_HZ // 500:
            self._pts += hole
        self._held = np.concatenate([self._held, frame.samples], axis=1)

    def _encode_one(self, samples: Sound, arrival: float) -> list[Encoded]:
        interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=_layout(self.channels))
        frame.sample_rate, frame.time_base = SOUND_HZ, Fraction(1, SOUND_HZ)
        # One packet for each frame; FFmpeg's own stamps would not follow a jump.
        pts = self._pts - OPUS_LAG
        return [Encoded(bytes(packet), pts, SOUND_HZ, True, arrival) for packet in self._codec.encode(frame)]


def _opus_encoder(channels: int, bitrate_bps: int, packet_ms: int) -> av.AudioCodecContext:
    codec = _sound_context("w")
    codec.bit_rate, codec.format, codec.layout = bitrate_bps, "flt", _layout(channels)
    codec.sample_rate, codec.time_base = SOUND_HZ, Fraction(1, SOUND_HZ)
    codec.options = {"application": "lowdelay", "frame_duration": str(packet_ms), "fec": "0", "dtx": "0"}
    codec.open()
    return codec


def _sound_context(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    return av.CodecContext.create("libopus", mode)


def _picture_context(name: str, mode: Literal["r", "w"]) -> av.VideoCodecContext:
    return cast(av.VideoCodecContext, av.CodecContext.create(name, mode))


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}[channels]


class PictureDecoder:
    """Pictures of one stream, "VP8" or "H264", to frames; nothing is held back for reordering."""

    def __init__(self, codec: str) -> None:
        self._codec = _picture_context({"VP8": "vp8", "H264": "h264"}[codec], "r")
        self._codec.flags |= Flags.low_delay
        # Frame threads would add a picture of delay each.
        self._codec.thread_count = 1

    def decode(self, payload: bytes) -> list[av.VideoFrame]:
        """The decoder's own frames, cheap to drop; `planes` makes ours of one.

        Raises:
            FormatError: this cannot be decoded; the next key picture can.
        """
        try:
            return self._codec.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise FormatError("a picture that cannot be decoded") from error


def planes(frame: av.VideoFrame, *, pts: int, arrival: float) -> VideoFrame:
    """A decoder's frame as ours. The planes are the memory that the decoder predicts from: for reading only."""
    full_range = frame.color_range == FULL_RANGE or frame.format.name == "yuvj420p"
    bt709 = frame.colorspace == BT709
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(format="yuv420p")
    width, height = frame.width, frame.height
    y = _plane(frame.planes[0], width, height)
    u, v = (_plane(plane, (width + 1) // 2, (height + 1) // 2) for plane in frame.planes[1:3])
    return VideoFrame(pts, y, u, v, arrival=arrival, full_range=full_range, bt709=bt709)


def as_av(frame: VideoFrame) -> av.VideoFrame:
    """Our frame as an encoder's, without a time."""
    picture = av.VideoFrame(frame.width, frame.height, "yuv420p")
    for plane, values in zip(picture.planes, (frame.y, frame.u, frame.v), strict=True):
        _plane(plane, plane.width, plane.height)[:] = values
    return picture


def _plane(plane: av.video.plane.VideoPlane, width: int, height: int) -> NDArray[np.uint8]:
    # The stubs do not say that a plane is a buffer.
    flat: NDArray[np.uint8] = np.frombuffer(cast(memoryview, plane), np.uint8)
    return flat.reshape(-1, plane.line_size)[:height, :width]


class PictureEncoder:
    """Frames to VP8 pictures, in real time and without delay.

    `bitrate_bps` may be set while it runs; a change of more than a tenth, or of the frame's size, begins anew with a
    key picture (libvpx takes a new rate only through an interface that FFmpeg does not offer).
    """

    def __init__(self, *, bitrate_bps: int = 2_500_000, frame_rate: int = 30) -> None:
        self.bitrate_bps, self.frame_rate = bitrate_bps, frame_rate
        self._encoder: av.VideoCodecContext | None = None
        self._last_pts: int | None = None

    def encode(self, frame: VideoFrame, *, key: bool = False) -> list[Encoded]:
        """The picture; `key` makes it a key picture. A frame no later than the one before is left out."""
        if self._last_pts is not None and frame.pts <= self._last_pts:
            return []
        self._last_pts = frame.pts
        encoder = self._fitting(frame.width, frame.height)
        picture = as_av(frame)
        picture.pts, picture.time_base = frame.pts, Fraction(1, PICTURE_HZ)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        packets = encoder.encode(picture)
        return [Encoded(bytes(p), p.pts or 0, PICTURE_HZ, p.is_keyframe, frame.arrival) for p in packets]

    def _fitting(self, width: int, height: int) -> av.VideoCodecContext:
        encoder = self._encoder
        if (
            encoder is None
            or (encoder.width, encoder.height) != (width, height)
            or abs(self.bitrate_bps - (encoder.bit_rate or 0)) > 0.1 * self.bitrate_bps
        ):
            self._encoder = encoder = self._made(width, height)
        return encoder

    def _made(self, width: int, height: int) -> av.VideoCodecContext:
        encoder = _picture_context("libvpx", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.bit_rate, encoder.gop_size = self.bitrate_bps, 100 * self.frame_rate
        encoder.time_base, encoder.framerate = Fraction(1, PICTURE_HZ), Fraction(self.frame_rate)
        encoder.thread_count = 2 if width * height > 640 * 480 else 1
        encoder.options = self._options()
        return encoder

    def _options(self) -> dict[str, str]:
        rate = str(self.bitrate_bps)
        return {
            "deadline": "realtime",
            "cpu-used": "-8",
            "lag-in-frames": "0",
            "minrate": rate,
            "maxrate": rate,
            "bufsize": str(self.bitrate_bps // 2),
            "qmin": "2",
            "qmax": "56",
            "overshoot-pct": "15",
            "undershoot-pct": "100",
            "static-thresh": "1",
        }

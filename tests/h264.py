"""An H.264 encoder as cameras and OBS have one; the product only decodes H.264 (libx264 is GPL)."""

from __future__ import annotations

from fractions import Fraction

import av
from av.video.frame import PictureType

from streamer.frame import PICTURE_HZ, VideoFrame
from streamer.transports.codecs import Encoded

__all__ = ["H264PictureEncoder"]

OPTIONS = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline"}


class H264PictureEncoder:
    """Frames of one even size to pictures of the baseline that browsers speak, without delay."""

    def __init__(self, width: int, height: int) -> None:
        self._encoder = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = width, height, "yuv420p"
        self._encoder.bit_rate, self._encoder.gop_size = 4_000_000, 3000
        self._encoder.time_base, self._encoder.framerate = Fraction(1, PICTURE_HZ), Fraction(30)
        self._encoder.thread_count, self._encoder.options = 1, OPTIONS

    def encode(self, frame: VideoFrame, *, key: bool = False) -> list[Encoded]:
        """The picture; `key` makes it a key picture."""
        picture = av.VideoFrame(frame.width, frame.height, "yuv420p")
        for plane, values in zip(picture.planes, (frame.y, frame.u, frame.v), strict=True):
            padded = bytearray(plane.buffer_size)
            for row, line in enumerate(values):
                padded[row * plane.line_size : row * plane.line_size + line.size] = line.tobytes()
            plane.update(bytes(padded))
        picture.pts, picture.time_base = frame.pts, Fraction(1, PICTURE_HZ)
        picture.pict_type = PictureType.I if key else PictureType.NONE
        packets = self._encoder.encode(picture)
        return [Encoded(bytes(p), p.pts or 0, PICTURE_HZ, p.is_keyframe, frame.arrival) for p in packets]

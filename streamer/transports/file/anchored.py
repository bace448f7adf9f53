"""A file with a drawn anchor: pictures and sound in step into one container, marked as synthetic.

Blocking: it runs in a thread of its own. Knows frames and containers; not who is drawn or what is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import BinaryIO, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.video.stream import VideoStream
from numpy.typing import NDArray

from streamer.frame import PICTURE_HZ, SOUND_HZ, FormatError, Sound, VideoFrame
from streamer.transports.codecs import as_av
from streamer.transports.file.codecs import MP4_FAMILY
from streamer.transports.file.pipes import PipeOut
from streamer.transports.file.source import Packet
from streamer.transports.file.target import options_of

__all__ = ["AnchoredOut"]

USUAL = "libvpx-vp9"  # no GPL in it, every browser plays it, and it keeps what is clear
OPTIONS = {USUAL: {"deadline": "realtime", "cpu-used": "7", "crf": "28", "b": "0"}}
DRAWN = "synthetic: an AI-generated anchor, no real person"
ANIMATED = "synthetic: a real person's picture, animated by AI with their consent"
WITH_ALPHA = frozenset({"webm", "matroska"})


class AnchoredOut:
    """OUT being written: `picture` and `sound` in the order of time, then `close`.

    `clear`: pictures come with alpha. `consent`: what the person who is shown wrote, kept beside the mark.

    Raises:
        FormatError: the container cannot hold this, or there is no such encoder.
    """

    def __init__(
        self,
        file: BinaryIO | PipeOut,
        container: str,
        *,
        size: tuple[int, int],
        fps: int,
        clear: bool = False,
        codec: str | None = None,
        consent: str = "",
    ) -> None:
        if clear and container not in WITH_ALPHA:
            raise FormatError(f"{container} keeps no alpha; write .webm or .mkv, or choose another --background")
        options = options_of(container, rate=PICTURE_HZ, streams=not file.seekable())
        if container in MP4_FAMILY:  # or players lose the mark
            options["movflags"] = "+".join(filter(None, (options.get("movflags"), "use_metadata_tags")))
        self._out = av.open(file, "w", format=container, container_options=options)
        who = {"comment": ANIMATED, "consent": consent} if consent else {"comment": DRAWN}
        self._out.metadata.update({"synthetic": "true"} | who)
        self._clear = clear
        self._picture = self._add_picture(codec or USUAL, size, fps)
        self._sound = self._add_sound("libopus" if container in WITH_ALPHA else "aac")
        self._samples = 0

    def picture(self, frame: VideoFrame, alpha: NDArray[np.uint8]) -> None:
        made = _with_alpha(frame, alpha) if self._clear else as_av(frame)
        made.pts, made.time_base = frame.pts, Fraction(1, PICTURE_HZ)
        self._mux(self._picture.encode(made))

    def sound(self, samples: Sound) -> None:
        """The next `samples` `[1, T]`."""
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = SOUND_HZ, self._samples, Fraction(1, SOUND_HZ)
        self._samples += samples.shape[1]
        self._mux(self._sound.encode(block))

    def close(self) -> None:
        """Write the end of the file."""
        self._mux([*self._picture.encode(None), *self._sound.encode(None)])
        self._out.close()

    def _mux(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._out.mux_one(packet)

    def _add_picture(self, codec: str, size: tuple[int, int], fps: int) -> VideoStream:
        try:
            found = Codec(codec, "w")
        except UnknownCodecError:
            raise FormatError(f"no encoder for {codec!r} here; `limelight doctor` lists what there is") from None
        if found.type != "video" or (self._clear and codec != USUAL):
            raise FormatError(f"{codec!r} cannot write this picture" + (f"; with alpha {USUAL} can" * self._clear))
        stream = cast(VideoStream, self._out.add_stream(codec, rate=fps, options=OPTIONS.get(codec, {})))
        stream.codec_context.width, stream.codec_context.height = size
        stream.codec_context.pix_fmt = "yuva420p" if self._clear else "yuv420p"
        stream.codec_context.time_base = Fraction(1, PICTURE_HZ)
        if codec not in OPTIONS:
            stream.codec_context.bit_rate = round(0.2 * size[0] * size[1] * fps)
        if self._clear:
            stream.metadata["alpha_mode"] = "1"
        return stream

    def _add_sound(self, codec: str) -> AudioStream:
        return cast(AudioStream, self._out.add_stream(codec, rate=SOUND_HZ, layout="mono", bit_rate=96_000))


def _with_alpha(frame: VideoFrame, alpha: NDArray[np.uint8]) -> av.VideoFrame:
    made = av.VideoFrame(frame.width, frame.height, "yuva420p")
    for plane, rows in zip(made.planes, (frame.y, frame.u, frame.v, alpha), strict=True):
        padded = np.zeros((rows.shape[0], plane.line_size), np.uint8)
        padded[:, : rows.shape[1]] = rows
        plane.update(padded.tobytes())
    return made

"""Generated sound as bytes for a client, while it is made: raw samples, Opus packets, or a file that grows.

Nothing is wound back: a file's header tells no length, as players of streams expect. Knows no socket and no voice.
"""

from __future__ import annotations

import struct
from typing import Literal, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream

from streamer.frame import SOUND_HZ, Sound
from streamer.transports.opus_wire import OpusWire
from streamer.transports.wire import Resampler, pcm_bytes

__all__ = ["CONTENT_TYPES", "VOICE_HZ", "FileFormat", "Packets", "Raw", "SpeechOut", "open_file"]

VOICE_HZ = 24_000  # of raw samples and files, as OpenAI's clients take for granted
FileFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
CONTENT_TYPES: dict[str, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
# (container, encoder, rate, bits a second, options of the container)
_CODED: dict[str, tuple[str, str, int, int, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", VOICE_HZ, 64_000, {"write_xing": "0", "id3v2_version": "0"}),
    "opus": ("ogg", "libopus", SOUND_HZ, 48_000, {"page_duration": "40000"}),
    "aac": ("adts", "aac", VOICE_HZ, 64_000, {}),
    "flac": ("flac", "flac", VOICE_HZ, 0, {}),
}
UNTOLD = 0xFFFFFFFF


class SpeechOut(Protocol):
    """Mono sound at 48 kHz, `[1, T]`, to messages or pieces of a file."""

    def push(self, samples: Sound) -> list[bytes]: ...

    def finish(self) -> list[bytes]: ...


class Raw:
    """Samples as they are, after a `header`."""

    def __init__(self, form: Literal["s16le", "f32le"], *, rate: int, header: bytes = b"") -> None:
        self._resampler, self._dtype = Resampler(SOUND_HZ, rate, 1), np.dtype("<i2" if form == "s16le" else "<f4")
        self._header = header

    def push(self, samples: Sound) -> list[bytes]:
        return self._told(self._resampler.push(samples))

    def finish(self) -> list[bytes]:
        return self._told(self._resampler.flush())

    def _told(self, samples: Sound) -> list[bytes]:
        header, self._header = self._header, b""
        told = header + pcm_bytes(samples, self._dtype)
        return [told] if told else []


class Packets:
    """Opus packets of 20 ms, one a message; the last one is filled up with silence."""

    def __init__(self) -> None:
        self._wire = OpusWire(1)

    def push(self, samples: Sound) -> list[bytes]:
        return self._wire.encode(samples)

    def finish(self) -> list[bytes]:
        return self._wire.finish_out()


class _Coded:
    """A file of a codec, by libav."""

    def __init__(self, container: str, encoder: str, *, rate: int, bit_rate: int, options: dict[str, str]) -> None:
        self._sink = _Sink()
        self._out = av.open(self._sink, "w", format=container, container_options=options)
        stream = self._out.add_stream(encoder, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        self._stream, self._rate = stream, rate
        self._fit = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size)

    def push(self, samples: Sound) -> list[bytes]:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="mono")
        frame.sample_rate = SOUND_HZ
        return self._coded(self._fit.resample(frame))

    def finish(self) -> list[bytes]:
        made = self._coded(self._fit.resample(None))
        self._out.mux(self._stream.encode(None))
        self._out.close()
        return made + self._sink.take()

    def _coded(self, frames: list[av.AudioFrame]) -> list[bytes]:
        for frame in frames:
            self._out.mux(self._stream.encode(frame))
        return self._sink.take()


class _Sink:
    """What libav writes to: it cannot be wound back."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, some: bytes) -> int:
        self._written.append(bytes(some))
        return len(some)

    def take(self) -> list[bytes]:
        written, self._written = self._written, []
        return [b"".join(written)] if written else []


def open_file(form: FileFormat) -> SpeechOut:
    """A file that grows."""
    if form == "pcm":
        return Raw("s16le", rate=VOICE_HZ)
    if form == "wav":
        return Raw("s16le", rate=VOICE_HZ, header=_wav_header(VOICE_HZ))
    container, encoder, rate, bit_rate, options = _CODED[form]
    return _Coded(container, encoder, rate=rate, bit_rate=bit_rate, options=options)


def _wav_header(rate: int) -> bytes:
    """RIFF of 16-bit mono whose length is not known."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", UNTOLD, b"WAVE") + form + struct.pack("<4sI", b"data", UNTOLD)

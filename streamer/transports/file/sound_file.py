"""Sound that was made here, written to a file of any kind: mono at 48 kHz as it comes, whole under its name at the end.

Blocking. Knows nothing of what the sound is.
"""

from __future__ import annotations

import io
from fractions import Fraction
from types import TracebackType

import av

from streamer.frame import SOUND_HZ, Sound
from streamer.transports.file.codecs import Encoding, TrackShape, add_sound, choose
from streamer.transports.file.door import explained, land_of
from streamer.transports.file.plan import FileJob, container_of
from streamer.transports.file.resample import Resampler
from streamer.transports.file.samples import from_float
from streamer.transports.file.target import options_of

__all__ = ["SoundFile"]

MADE = TrackShape("pcm_s16le", "wav", SOUND_HZ, 1, "mono", bits=16, is_lossless=True)


class SoundFile:
    """`job.target`, being written; a context that leaves nothing behind unless `finish` was called.

    Raises:
        FormatError: it cannot be written, and why.
    """

    def __init__(self, job: FileJob) -> None:
        container = container_of(job)
        self._encoding = choose(MADE, container, _default(container), job.audio_codec)
        self._name, self._landing, self._written = job.target, land_of(job), 0
        self._resampler = Resampler(1, SOUND_HZ, self._encoding.rate)
        with explained(self._name):
            file = self._landing.file
            options = options_of(container, rate=self._encoding.rate, streams=not file.seekable())
            self._out = av.open(file, "w", format=container, container_options=options)
            self._stream = add_sound(self._out, self._encoding)

    @property
    def encoding(self) -> Encoding:
        return self._encoding

    def push(self, samples: Sound) -> None:
        """`[1, T]` at 48 kHz, after what came before."""
        with explained(self._name):
            self._encode(self._resampler.push(samples))

    def finish(self) -> None:
        """The end; now the file has its name."""
        with explained(self._name):
            self._encode(self._resampler.flush())
            self._out.mux(self._stream.encode(None))
            self._out.close()
            self._landing.commit()

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._landing.discard()

    def _encode(self, samples: Sound) -> None:
        if not samples.shape[1]:
            return
        encoding = self._encoding
        frame = from_float(samples, encoding.sample_format, bits=encoding.bits, layout=encoding.layout)
        frame.sample_rate, frame.time_base = encoding.rate, Fraction(1, encoding.rate)
        frame.pts = self._written
        self._written += samples.shape[1]
        self._out.mux(self._stream.encode(frame))


def _default(container: str) -> str:
    with av.open(io.BytesIO(), "w", format=container) as probe:
        return probe.default_audio_codec

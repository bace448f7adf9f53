"""Sound as bytes on a websocket: PCM at any rate or Opus packets, to and from 48 kHz inside.

Pure but for the codecs' own state: no socket here.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import av
import numpy as np

from streamer.frame import SOUND_HZ, FormatError, Sound

__all__ = ["Format", "Pcm", "Resampler", "Wire", "open_wire", "pcm_bytes"]

Format = Literal["s16le", "f32le", "opus"]


class Wire(Protocol):
    """One connection's format. Counts are per channel, at the client's rate."""

    channels: int
    samples_in: int
    samples_out: int

    def decode(self, message: bytes) -> Sound: ...
    def finish_in(self) -> Sound: ...
    def encode(self, samples: Sound) -> list[bytes]: ...
    def finish_out(self) -> list[bytes]: ...


class Pcm:
    """Interleaved little-endian PCM; gives back exactly as many samples as it took."""

    def __init__(self, form: Format, *, rate: int, channels: int) -> None:
        self.samples_in = self.samples_out = 0
        self._dtype = np.dtype("<i2" if form == "s16le" else "<f4")
        self._rate, self.channels = rate, channels
        self._up = Resampler(rate, SOUND_HZ, channels)
        self._down = Resampler(SOUND_HZ, rate, channels)

    def decode(self, message: bytes) -> Sound:
        """Raises FormatError: half a sample, NaN or infinity."""
        width = self._dtype.itemsize * self.channels
        if len(message) % width:
            raise FormatError(f"a message of {len(message)} bytes is not a whole number of {width}-byte samples")
        values = np.frombuffer(message, self._dtype).reshape(-1, self.channels).T
        samples = values / np.float32(32768) if self._dtype.kind == "i" else values
        if not np.isfinite(samples).all():
            raise FormatError("the sound has NaN or infinite samples")
        self.samples_in += samples.shape[1]
        return self._up.push(np.ascontiguousarray(samples, np.float32))

    def finish_in(self) -> Sound:
        return self._up.flush()

    def encode(self, samples: Sound) -> list[bytes]:
        return self._bytes(self._down.push(samples))

    def finish_out(self) -> list[bytes]:
        rest = self._down.flush()
        missing = self.samples_in - self.samples_out
        return self._bytes(np.pad(rest, ((0, 0), (0, max(0, missing - rest.shape[1]))))[:, :missing])

    def _bytes(self, samples: Sound) -> list[bytes]:
        samples = samples[:, : self.samples_in - self.samples_out]
        self.samples_out += samples.shape[1]
        return [pcm_bytes(samples, self._dtype)] if samples.shape[1] else []


def pcm_bytes(samples: Sound, dtype: np.dtype[Any]) -> bytes:
    """Interleaved, as integers or floats; louder than full scale is clipped where that must be."""
    if dtype.kind == "i":
        samples = np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767), np.float32)
    return samples.T.astype(dtype).tobytes()


class Resampler:
    """libswresample from one rate to another; passes through when they are the same."""

    def __init__(self, rate_in: int, rate_out: int, channels: int) -> None:
        self._rate_in, self._layout = rate_in, "mono" if channels == 1 else "stereo"
        self._empty = np.empty((channels, 0), np.float32)
        self._inner = (
            None if rate_in == rate_out else av.AudioResampler(format="fltp", layout=self._layout, rate=rate_out)
        )

    def push(self, samples: Sound) -> Sound:
        if self._inner is None or not samples.shape[1]:
            return samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate_in
        return self._joined(self._inner.resample(frame))

    def flush(self) -> Sound:
        return self._empty if self._inner is None else self._joined(self._inner.resample(None))

    def _joined(self, frames: list[av.AudioFrame]) -> Sound:
        return np.concatenate([self._empty, *(frame.to_ndarray() for frame in frames)], axis=1)


def open_wire(form: Format, *, rate: int, channels: int) -> Wire:
    """The wire for a client's `start`.

    Raises:
        FormatError: Opus at another rate than 48 kHz.
    """
    if form != "opus":
        return Pcm(form, rate=rate, channels=channels)
    if rate != SOUND_HZ:
        raise FormatError("Opus is always 48000 Hz here: leave out the rate")
    from streamer.transports.opus_wire import OpusWire

    return OpusWire(channels)

"""Samples between the formats of codecs and our float: ±1, `[C, T]`, f32.

Whole numbers of up to 24 bits survive the way in and out unchanged.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from streamer.frame import Sound

__all__ = ["Adapter", "from_float", "scrub", "to_float"]

MOST_PLANES = 7  # PyAV miscounts the planes of wider frames
_BITS = {"u8": 8, "s16": 16, "s32": 32}


def to_float(frame: av.AudioFrame) -> Sound:
    """The samples of a decoded frame, `[C, T]`."""
    wide = frame.format.is_planar and frame.layout.nb_channels > MOST_PLANES
    if wide or frame.format.packed.name == "s64":
        frame = av.AudioResampler(format="flt" if wide else "dbl").resample(frame)[0]
    raw = frame.to_ndarray()
    planes = raw if frame.format.is_planar else raw.reshape(-1, frame.layout.nb_channels).T
    bits = _BITS.get(frame.format.packed.name)
    if bits is None:
        return planes.astype(np.float32)
    centred = planes.astype(np.float32) - 128 if bits == 8 else planes
    return np.asarray(centred * np.float32(2.0 ** (1 - bits)), dtype=np.float32)


class Adapter:
    """Decoded frames as samples `[channels, T]` at `rate`, which a broadcast may change on the way.

    Raises:
        ValueError: a damaged frame claims a form that nothing converts.
    """

    def __init__(self, channels: int, rate: int, *, layout: str) -> None:
        self._channels, self._rate, self._layout = channels, rate, layout
        self._filter: av.AudioResampler | None = None

    def __call__(self, frame: av.AudioFrame) -> Sound:
        if frame.sample_rate == self._rate and frame.layout.nb_channels == self._channels:
            return to_float(frame)
        frame.pts = None
        try:
            frames = self._converted(frame)
        except ValueError:  # it changed again: that takes a new filter
            self._filter = None
            frames = self._converted(frame)
        parts = [to_float(part) for part in frames]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self._channels, 0), np.float32)

    def _converted(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        if self._filter is None:
            self._filter = av.AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        return self._filter.resample(frame)


def scrub(samples: Sound) -> tuple[Sound, int]:
    """`samples` with zero for what is not a finite number, and how many there were."""
    finite = np.isfinite(samples)
    bad = samples.size - int(np.count_nonzero(finite))
    return (np.where(finite, samples, np.float32(0)) if bad else samples), bad


def from_float(samples: Sound, sample_format: str, *, bits: int, layout: str) -> av.AudioFrame:
    """A frame in `sample_format`, rounded to `bits` and clipped where that holds whole numbers."""
    packed = sample_format.rstrip("p")
    values = _whole(samples, packed, bits) if packed in _BITS else samples.astype("f8" if packed == "dbl" else "f4")
    planar = sample_format.endswith("p") and samples.shape[0] <= MOST_PLANES
    planes = values if planar else values.T.reshape(1, -1)
    # Where that is not the encoder's format, its own converter interleaves or separates; values stay.
    name = sample_format if planar else packed
    return av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format=name, layout=layout)


def _whole(samples: Sound, packed: str, bits: int) -> NDArray[Any]:
    bits = min(bits, _BITS[packed])
    peak = 1 << (bits - 1)
    # f32 cannot hold 2³¹−1, so wide samples are rounded in f64.
    scaled = samples * (np.float64(peak) if bits > 24 else np.float32(peak))
    steps = np.clip(np.rint(scaled), -peak, peak - 1)
    if packed == "u8":
        return np.asarray(steps + 128, dtype=np.uint8)
    return np.asarray(steps * (1 << (_BITS[packed] - bits)), dtype=np.int16 if packed == "s16" else np.int32)

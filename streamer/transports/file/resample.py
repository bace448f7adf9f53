"""Sound between a file's sampling rate and 48 kHz, aligned: sample 0 stays sample 0, in any chunking.

libswresample does the filtering. Channels go through in groups with a nominal layout, so that nothing is ever mixed;
at equal rates nothing is touched. Knows nothing of containers or time stamps.
"""

from __future__ import annotations

from collections.abc import Iterable

import av
import numpy as np

from streamer.frame import Sound

__all__ = ["Resampler", "layout_for"]

_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
GROUP = 6  # PyAV miscounts the planes of frames of eight and more
# Twice the default length: the round trip of a 44.1 kHz file is then transparent up to 20 kHz.
_FILTER = {"filter_size": "64", "cutoff": "0.98"}


def layout_for(channels: int) -> str:
    """The usual layout of that many channels, or an unordered one where there is none."""
    return _LAYOUTS[channels - 1] if channels <= len(_LAYOUTS) else f"{channels} channels"


class _Group:
    """Up to six channels that share one filter."""

    def __init__(self, channels: int, source_hz: int, target_hz: int) -> None:
        self._channels, self._source_hz = channels, source_hz
        self._layout = layout_for(channels)
        self._filter = av.AudioResampler(format="fltp", layout=self._layout, rate=target_hz, options=_FILTER)

    def push(self, samples: Sound) -> Sound:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = self._source_hz
        return self._gather(self._filter.resample(frame))

    def flush(self) -> Sound:
        return self._gather(self._filter.resample(None))

    def _gather(self, frames: Iterable[av.AudioFrame]) -> Sound:
        parts = [frame.to_ndarray() for frame in frames]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self._channels, 0), np.float32)


class Resampler:
    """`[C, T]` at `source_hz` → `[C, T']` at `target_hz`; the sum of all T' is T·target/source to within a sample."""

    def __init__(self, channels: int, source_hz: int, target_hz: int) -> None:
        widths = [min(GROUP, channels - first) for first in range(0, channels, GROUP)]
        self._groups = [_Group(width, source_hz, target_hz) for width in widths] if source_hz != target_hz else []
        self._edges = np.cumsum(widths)[:-1]
        self._empty = np.zeros((channels, 0), np.float32)

    def push(self, samples: Sound) -> Sound:
        if not self._groups or not samples.shape[1]:
            return samples
        split = np.split(samples, self._edges)
        return np.concatenate([group.push(part) for group, part in zip(self._groups, split, strict=True)])

    def flush(self) -> Sound:
        """The rest, when nothing more comes."""
        return np.concatenate([group.flush() for group in self._groups]) if self._groups else self._empty

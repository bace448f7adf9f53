"""Timestamped media as it travels through a session, and pts arithmetic.

Plain data: no codec, no socket, no clock. Transports make frames and consume them; stages map frames to frames.
A frame's `pts` is the *capture* time of its first sample on the session's clock and stays so through every stage:
a stage that delays the signal by `d` samples emits frames whose pts is `d` lower than that of the frame it got.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HOP", "PICTURE_HZ", "SOUND_HZ", "AudioFrame", "Event", "FormatError", "Sound", "VideoFrame"]

SOUND_HZ = 48_000
PICTURE_HZ = 90_000
HOP = 480  # samples: 10 ms, the chunk that every sound model takes

Sound = NDArray[np.float32]
"""Sound inside: 48 kHz, ±1, `[C, T]`."""


class FormatError(ValueError):
    """Media or a message that is not what the door accepts; the text says what would be."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """`samples` `[C, T]` at 48 kHz; `pts` in samples on the session clock.

    `gap` marks sound that was made up (silence or concealment). `arrival` is the monotonic time in seconds at
    which the newest of it reached us: the start of every latency figure.
    """

    pts: int
    samples: Sound
    arrival: float = 0.0
    epoch: int = 0
    gap: bool = False

    @property
    def end(self) -> int:
        return self.pts + int(self.samples.shape[1])

    def with_samples(self, samples: Sound, *, delay: int = 0) -> AudioFrame:
        """The same moment after a stage that lags by `delay` samples."""
        return replace(self, samples=samples, pts=self.pts - delay)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """Planar YUV 4:2:0, 8 bit; `pts` in 1/90000 s on the session clock.

    `y` `[H, W]`, `u` and `v` `[ceil(H/2), ceil(W/2)]`. `full_range` and `bt709` say how to read the planes.
    """

    pts: int
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]
    arrival: float = 0.0
    epoch: int = 0
    full_range: bool = False
    bt709: bool = False

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    @property
    def size_bytes(self) -> int:
        return int(self.y.nbytes + self.u.nbytes + self.v.nbytes)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that whoever is attached may want to know; `kind` and `body` are in docs/protocol.md."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)

"""Sound of any frame size -> contiguous hops of 10 ms (pure).

The samples that come out are one unbroken signal; their pts labels follow the capture clock. A hole in the capture
time is filled with silence, an overlap is trimmed; wobble of the clock estimate below `TOLERANCE` only moves labels,
because cutting or padding a few samples would be heard as a click.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Sound

__all__ = ["LONGEST_FILL", "TOLERANCE", "Rechunker", "remix"]

TOLERANCE = SOUND_HZ // 50  # 20 ms: under the smallest hole that a lost packet leaves
# A longer hole is a mute, a restart, or sound dropped because the models are behind; then the timeline goes on from
# there. Silence made for it would have to pass the same models and keep them behind.
LONGEST_FILL = SOUND_HZ * 60 // 1000


def remix(samples: Sound, channels: int) -> Sound:
    """`[C, T]` as `channels` channels: copies a mono signal, averages down to mono, else keeps the first ones."""
    have = samples.shape[0]
    if have == channels:
        return samples
    if channels == 1:
        return np.asarray(samples.mean(axis=0, keepdims=True), np.float32)
    if have == 1:
        return np.repeat(samples, channels, axis=0)
    return samples[:channels]


class Rechunker:
    """Collects frames and gives hops; `filled_samples` and `trimmed_samples` count what was made up or cut."""

    def __init__(self, channels: int, *, hop: int = HOP) -> None:
        self.channels, self.hop = channels, hop
        self.filled_samples = self.trimmed_samples = 0
        self._held: Sound = np.empty((channels, 0), np.float32)
        self._last: AudioFrame | None = None
        self._gap = False

    def push(self, frame: AudioFrame) -> list[AudioFrame]:
        """The hops that are complete once `frame` is in."""
        frame = self._fit(replace(frame, samples=remix(frame.samples, self.channels)))
        self._last = frame
        self._gap = self._gap or frame.gap
        self._held = np.concatenate((self._held, frame.samples), axis=1)
        return self._cut(frame)

    def flush(self) -> list[AudioFrame]:
        """The rest, padded with silence to a whole hop."""
        if self._last is None or not self._held.shape[1]:
            return []
        missing = -self._held.shape[1] % self.hop
        self._held = np.pad(self._held, ((0, 0), (0, missing)))
        return self._cut(replace(self._last, samples=np.pad(self._last.samples, ((0, 0), (0, missing)))))

    def _fit(self, frame: AudioFrame) -> AudioFrame:
        if self._last is None:
            return frame
        hole = frame.pts - self._last.end
        if hole > LONGEST_FILL or hole < -LONGEST_FILL:
            self._held = self._held[:, :0]
        elif hole > TOLERANCE:
            self.filled_samples += hole
            self._gap = True
            return replace(frame, pts=frame.pts - hole, samples=np.pad(frame.samples, ((0, 0), (hole, 0))))
        elif hole < -TOLERANCE:
            cut = min(-hole, frame.samples.shape[1])
            self.trimmed_samples += cut
            return replace(frame, pts=frame.pts + cut, samples=frame.samples[:, cut:])
        return frame

    def _cut(self, frame: AudioFrame) -> list[AudioFrame]:
        count = self._held.shape[1] // self.hop
        first = frame.end - self._held.shape[1]
        hops = [
            replace(
                frame,
                pts=first + index * self.hop,
                samples=np.ascontiguousarray(self._held[:, index * self.hop : (index + 1) * self.hop]),
                gap=self._gap,
            )
            for index in range(count)
        ]
        if count:
            self._held = self._held[:, count * self.hop :]
            self._gap = frame.gap and bool(self._held.shape[1])
        return hops

"""The path that sound takes through a session: stages in order, with their delays added up and matched.

A stage is named, lags by a constant `delay` whether it is on or off, and maps one hop to one hop. The picture has to
wait as long as the sound lags; `DelayLine` holds it, with a byte cap of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, Sound, VideoFrame
from streamer.ticks.passes import Run, here

__all__ = ["DelayLine", "SoundPath", "SoundStage", "crossfade"]

MOST_EXTRA_S = 0.4
HOLD_BYTES_A_S = 96 << 20  # 1080p at 30 pictures a second, YUV


@runtime_checkable
class SoundStage(Protocol):
    """One step of the sound path.

    `delay`: samples at 48 kHz by which the output lags the input, constant for the life of the stage.
    """

    name: str
    delay: int

    async def process(self, samples: Sound) -> Sound:
        """One hop in, one hop out: `[C, HOP]` → `[C, HOP]`. Part of a pass: it awaits nothing but steps of models."""
        ...

    def reset(self) -> None:
        """Start again from silence at the next hop."""
        ...

    def close(self) -> None:
        """Give back what the stage holds. Idempotent."""
        ...


class SoundPath:
    """Stages one after the other; `delay` is their sum, and every output pts is shifted by it.

    `observe` is told, on whatever thread `run` carries the hops through, how long each took in each stage.
    """

    def __init__(
        self,
        stages: Sequence[SoundStage],
        *,
        observe: Callable[[str, float], None] = lambda _name, _seconds: None,
        run: Run[list[AudioFrame]] = here,
    ) -> None:
        self.stages = tuple(stages)
        self.delay = sum(stage.delay for stage in self.stages)
        self._observe, self._run = observe, run

    async def process(self, hops: Sequence[AudioFrame]) -> list[AudioFrame]:
        """Hops, in order, each through every stage, in one hand-over to the device's thread and back."""
        return await self._run(self._through(hops, time.perf_counter())) if hops else []

    async def _through(self, hops: Sequence[AudioFrame], start: float) -> list[AudioFrame]:
        done: list[AudioFrame] = []
        for hop in hops:
            samples = hop.samples
            for stage in self.stages:
                samples = await stage.process(samples)
                end = time.perf_counter()
                self._observe(stage.name, end - start)
                start = end
            done.append(hop.with_samples(samples, delay=self.delay))
        return done

    def reset(self) -> None:
        """Start again from silence: another signal follows."""
        for stage in self.stages:
            stage.reset()

    def close(self) -> None:
        for stage in self.stages:
            stage.close()


class DelayLine:
    """Pictures waiting for the sound of their moment: pure, given `now`; oldest frames go when `cap_bytes` is full.

    A picture waits at least for the declared delay of the sound path; where the sound is seen to lag more (a queue, a
    busy machine), for that, at most `MOST_EXTRA_S` longer. While sound is held back, `hold` says how long.
    """

    def __init__(self, delay_samples: int, *, cap_bytes: int = 64 << 20) -> None:
        self.delay_s = self._least_s = delay_samples / SOUND_HZ
        self.dropped = 0
        self._cap_bytes, self._most_bytes, self._held_bytes = cap_bytes, cap_bytes, 0
        self._frames: deque[VideoFrame] = deque()

    def hold(self, seconds: float) -> None:
        """Wait this much longer than the path's delay, with as much more room (`HOLD_BYTES_A_S`)."""
        self.delay_s = self._least_s + seconds
        self._most_bytes = self._cap_bytes + int(seconds * HOLD_BYTES_A_S)

    def __len__(self) -> int:
        return len(self._frames)

    def push(self, frame: VideoFrame) -> None:
        self._frames.append(frame)
        self._held_bytes += frame.size_bytes
        while self._held_bytes > self._most_bytes and len(self._frames) > 1:
            self._pop()
            self.dropped += 1

    def next_due(self, sound_lag_s: float | None = None) -> float | None:
        """Monotonic time at which the first frame may go, or None when nothing waits.

        `sound_lag_s`: how long after its capture pts, taken in monotonic seconds, sound leaves now; None if unknown.
        """
        if not self._frames:
            return None
        first = self._frames[0]
        declared = first.arrival + self.delay_s
        if sound_lag_s is None:
            return declared
        return min(max(declared, first.pts / PICTURE_HZ + sound_lag_s), declared + MOST_EXTRA_S)

    def pop_due(self, now: float, sound_lag_s: float | None = None) -> VideoFrame | None:
        """The first frame, if its time has come."""
        due = self.next_due(sound_lag_s)
        return self._pop() if due is not None and due <= now else None

    def _pop(self) -> VideoFrame:
        frame = self._frames.popleft()
        self._held_bytes -= frame.size_bytes
        return frame


def crossfade(dry: Sound, wet: Sound, start: float, end: float) -> Sound:
    """`dry` and `wet` `[C, T]` mixed by a weight for `wet` that runs linearly from `start` to `end` without a click.

    The two are the same signal at the same instant, so weights add to one in amplitude, not in power.
    """
    if start == end == 1.0:
        return wet
    if start == end == 0.0:
        return dry
    weight = np.linspace(start, end, dry.shape[1], endpoint=False, dtype=np.float32)
    return np.asarray(dry + (wet - dry) * weight, dtype=np.float32)

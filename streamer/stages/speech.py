"""Voice activity beside the sound path: probability per hop, with hysteresis and hangover to `start` and `end`.

A side branch: it hears the raw sound, so it works with cleaning off, and it never holds media.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event
from streamer.rechunk import remix
from streamer.stages.blend import Stepper
from streamer.ticks.passes import Run, here

__all__ = ["Endpoint", "Speech"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """When speech counts as begun and as over."""

    on_above: float = 0.6
    off_below: float = 0.35
    start_ms: int = 60
    end_ms: int = 400


class Speech:
    """Steps the VAD and tells of changes; `probability` and `speaking` are the latest.

    `run` carries a pass through the models: see `SoundPath`.
    """

    def __init__(self, lease: Stepper, endpoint: Endpoint | None = None, *, run: Run[list[float]] = here) -> None:
        self.probability, self.speaking = 0.0, False
        self._lease, self._endpoint = lease, endpoint or Endpoint()
        self._run, self._run_ms = run, 0

    async def observe(self, hops: Sequence[AudioFrame]) -> list[Event]:
        """Hops of raw sound, in order; an event when speech starts or ends, at the time at which it did."""
        probabilities = await self._run(self._through(hops))
        events = [self._heard(hop, each) for hop, each in zip(hops, probabilities, strict=True)]
        return [event for event in events if event is not None]

    async def _through(self, hops: Sequence[AudioFrame]) -> list[float]:
        return [float((await self._lease.step(remix(hop.samples, 1))).ravel()[-1]) for hop in hops]

    def _heard(self, hop: AudioFrame, probability: float) -> Event | None:
        self.probability = probability
        return self._decide(hop)

    def close(self) -> None:
        self._lease.close()

    def _decide(self, hop: AudioFrame) -> Event | None:
        rule = self._endpoint
        crossed = self.probability < rule.off_below if self.speaking else self.probability > rule.on_above
        self._run_ms = self._run_ms + HOP * 1000 // SOUND_HZ if crossed else 0
        needed_ms = rule.end_ms if self.speaking else rule.start_ms
        if self._run_ms < needed_ms:
            return None
        self.speaking, self._run_ms = not self.speaking, 0
        # The change happened when the run began, not when it was long enough to be believed.
        time_s = hop.end / SOUND_HZ - needed_ms / 1000
        return Event("speech", {"state": "start" if self.speaking else "end", "time_s": round(time_s, 3)})

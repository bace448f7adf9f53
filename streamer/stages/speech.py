"""Voice activity beside the sound path: probability per hop, with hysteresis and hangover to `start` and `end`.

A side branch: it hears the raw sound, so it works with cleaning off, and it never holds media.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event
from streamer.rechunk import remix
from streamer.stages.blend import Stepper

__all__ = ["Endpoint", "Speech"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """When speech counts as begun and as over."""

    on_above: float = 0.6
    off_below: float = 0.35
    start_ms: int = 60
    end_ms: int = 400


class Speech:
    """Steps the VAD and tells of changes; `probability` and `speaking` are the latest."""

    def __init__(self, lease: Stepper, endpoint: Endpoint | None = None) -> None:
        self.probability, self.speaking = 0.0, False
        self._lease, self._endpoint = lease, endpoint or Endpoint()
        self._run_ms = 0

    async def observe(self, hop: AudioFrame) -> Event | None:
        """One hop of raw sound; an event when speech starts or ends, at the time at which it did."""
        out = await self._lease.step(remix(hop.samples, 1))
        self.probability = float(out.ravel()[-1])
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

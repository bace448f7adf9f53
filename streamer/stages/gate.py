"""Which sound may hold words: opens when somebody begins to speak, with what came just before; counts pauses (pure).

Goes by the voice detector's probability for each hop; knows no recogniser and no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from streamer.frame import HOP, SOUND_HZ, Sound

__all__ = ["Gate", "GateRules", "Stretch"]

HOP_MS = HOP * 1000 // SOUND_HZ
NEARLY = 0.75


@dataclass(frozen=True, slots=True)
class GateRules:
    """`pre_roll_ms`: kept from before the opening, so that the first phone and what leads into it are heard."""

    on_above: float = 0.5
    off_below: float = 0.35
    start_ms: int = 50
    pre_roll_ms: int = 350


class Gate:
    """`quiet_ms`: how long nobody has spoken, while open. The user closes it."""

    def __init__(self, rules: GateRules | None = None) -> None:
        self.open, self.quiet_ms = False, 0
        self._rules = rules or GateRules()
        self._loud_ms = 0
        self._held: deque[tuple[Sound, float]] = deque(maxlen=self._rules.pre_roll_ms // HOP_MS)

    def push(self, hop: Sound, probability: float) -> list[tuple[Sound, float]]:
        """The hops, with their probabilities, that count now: none while closed; at the opening, also those before."""
        if self.open:
            quiet = probability < self._rules.off_below
            self.quiet_ms = self.quiet_ms + HOP_MS if quiet else 0
            return [(hop, probability)]
        self._held.append((hop, probability))
        self._loud_ms = self._loud_ms + HOP_MS if probability > self._rules.on_above else 0
        if self._loud_ms < self._rules.start_ms:
            return []
        self.open, self.quiet_ms = True, 0
        opening = list(self._held)
        self._held.clear()
        return opening

    def close(self) -> None:
        """Wait for the next speaker; what was let through is not let through again."""
        self.open, self.quiet_ms, self._loud_ms = False, 0, 0
        self._held.clear()


class Stretch:
    """The unbroken sound of one segment and how likely it was speech: `pts` is that of its first sample."""

    def __init__(self, pts: int) -> None:
        self.pts = pts
        self._hops: list[Sound] = []
        self._speech: list[float] = []

    @property
    def end(self) -> int:
        return self.pts + len(self._hops) * HOP

    def add(self, hop: Sound, probability: float) -> None:
        self._hops.append(hop)
        self._speech.append(probability)

    def sound(self, first: int, count: int) -> Sound:
        """`[1, count]` from pts `first` on; silence where there is no sound yet."""
        at, last = first - self.pts, first - self.pts + count
        hops = self._hops[at // HOP : -(-last // HOP)]
        joined = np.concatenate([*hops, np.zeros((1, count), np.float32)], axis=1)
        skip = at % HOP
        return np.ascontiguousarray(joined[:, skip : skip + count])

    def speech(self, start_s: float, end_s: float) -> float:
        """The mean probability of speech between two times on the clock; 0 where there is no sound."""
        first = max(0, int((start_s * SOUND_HZ - self.pts) // HOP))
        last = int(-(-(end_s * SOUND_HZ - self.pts) // HOP))
        part = self._speech[first : max(first + 1, last)]
        return float(np.mean(part)) if part else 0.0

    def spoken_until_s(self, start_s: float, end_s: float) -> float:
        """When, between two times, speech was last nearly as likely as at its likeliest there."""
        first = max(0, int((start_s * SOUND_HZ - self.pts) // HOP))
        last = int(-(-(end_s * SOUND_HZ - self.pts) // HOP))
        part = np.array(self._speech[first:last])
        if not len(part):
            return end_s
        return (self.pts + (first + int(np.flatnonzero(part >= NEARLY * part.max())[-1]) + 1) * HOP) / SOUND_HZ

    def after(self, pts: int) -> Stretch:
        """What follows `pts`, from the hop it falls in."""
        dropped = min(len(self._hops), max(0, (pts - self.pts) // HOP))
        rest = Stretch(self.pts + dropped * HOP)
        rest._hops, rest._speech = self._hops[dropped:], self._speech[dropped:]
        return rest

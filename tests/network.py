"""A network in virtual time, for tests and benchmarks: loss, bursts, jitter, reordering, duplicates, stalls."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["VirtualNetwork"]


@dataclass
class VirtualNetwork:
    """Times are in seconds. What is sent in a burst is lost, what is sent in a stall is held back to its end."""

    loss: float = 0.0
    base_s: float = 0.03
    jitter_s: float = 0.0
    burst_s: float = 0.0
    burst_every_s: float = 3.0
    stall_s: float = 0.0
    stall_every_s: float = 10.0
    duplicates: float = 0.0
    calm_after_s: float = float("inf")
    seed: int = 1

    def carry(self, sent: list[float]) -> list[tuple[float, int]]:
        """(arrival, index) of what arrives of the packets sent at these times, by arrival."""
        dice = random.Random(self.seed)
        return sorted(arrival for index, at in enumerate(sent) for arrival in self._copies(at, index, dice))

    def _copies(self, at: float, index: int, dice: random.Random) -> Iterator[tuple[float, int]]:
        calm = at >= self.calm_after_s
        lost, delay = dice.random() < self.loss, dice.random() * self.jitter_s
        if calm:
            yield at + self.base_s, index
            return
        if lost or at % self.burst_every_s > self.burst_every_s - self.burst_s:
            return
        stalled = self.stall_s - at % self.stall_every_s if at > self.stall_every_s else 0.0
        yield at + self.base_s + max(delay, stalled), index
        if dice.random() < self.duplicates:
            yield at + self.base_s + delay + 0.01, index

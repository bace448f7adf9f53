"""What an engine counts: ticks, rows, failures, and how long they took.

Plain numbers for whoever shows them (metrics, the bench, a log line); nothing here knows about Prometheus.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["EngineSnapshot", "Histogram", "Quantiles", "TickStats"]

# 20 steps a decade from 10 µs to 10 s: a percentile read from it is at most 12 % high.
_EDGES_MS = tuple(10 ** (step / 20 - 2) for step in range(121))


class Quantiles(NamedTuple):
    """In ms."""

    p50: float
    p95: float
    p99: float


@dataclass(slots=True)
class Histogram:
    """Durations counted in fixed log-spaced buckets: cumulative since the start, constant memory."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_EDGES_MS) + 1))
    total_ms: float = 0.0

    def add(self, duration_ms: float) -> None:
        self.counts[bisect_left(_EDGES_MS, duration_ms)] += 1
        self.total_ms += duration_ms

    def percentile(self, share: float) -> float:
        """The upper edge in ms of the bucket in which `share` (0..1) of the durations is reached; 0 when empty."""
        needed = math.ceil(share * sum(self.counts))
        seen = 0
        for edge, count in zip((*_EDGES_MS, math.inf), self.counts, strict=True):
            seen += count
            if needed and seen >= needed:
                return edge
        return 0.0

    def quantiles(self) -> Quantiles:
        return Quantiles(self.percentile(0.50), self.percentile(0.95), self.percentile(0.99))

    def buckets(self) -> tuple[tuple[float, int], ...]:
        """`(upper edge in ms, durations in this bucket)` for the buckets that hold any."""
        return tuple((e, c) for e, c in zip((*_EDGES_MS, math.inf), self.counts, strict=True) if c)


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """One moment of one engine."""

    name: str
    place: str
    slots: int
    leased: int
    stepper: str
    """`eager`, `compiled` or `graph`: what runs the ticks now."""
    compiled: str
    """`off`, `building`, `on`, or `off, <reason>`."""
    width: int
    """Rows stepped together at most; a larger tick is cut into such groups."""
    ticks: int
    rows: int
    failures: int
    tick_ms: Quantiles
    wait_ms: Quantiles
    tick_total_ms: float
    tick_buckets: tuple[tuple[float, int], ...]


@dataclass(slots=True)
class TickStats:
    """Counted by the worker thread, read by anyone."""

    ticks: int = 0
    rows: int = 0
    failures: int = 0
    """Rows whose step raised or whose output was not finite."""
    tick: Histogram = field(default_factory=Histogram)
    """From the first row's copy in to the last row's copy out."""
    wait: Histogram = field(default_factory=Histogram)
    """From asking for a step to its result, the waiting for others' ticks included."""

    def count(self, rows: int, duration_ms: float) -> None:
        """One tick is done."""
        self.ticks += 1
        self.rows += rows
        self.tick.add(duration_ms)

    def snapshot(
        self, *, name: str, place: str, slots: int, leased: int, stepper: str, compiled: str, width: int
    ) -> EngineSnapshot:
        """These figures with the engine's own, frozen."""
        return EngineSnapshot(
            name=name,
            place=place,
            slots=slots,
            leased=leased,
            stepper=stepper,
            compiled=compiled,
            width=width,
            ticks=self.ticks,
            rows=self.rows,
            failures=self.failures,
            tick_ms=self.tick.quantiles(),
            wait_ms=self.wait.quantiles(),
            tick_total_ms=self.tick.total_ms,
            tick_buckets=self.tick.buckets(),
        )

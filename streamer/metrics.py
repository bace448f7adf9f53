"""Counters, latency histograms and rolling quantiles; one registry a server, nothing global."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

__all__ = ["Metrics", "Quantiles"]

BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)


class Quantiles:
    """Median and 95th percentile of the last `window` values."""

    def __init__(self, window: int = 512) -> None:
        self._values = np.zeros(window)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, self._values.size)

    def add(self, value: float) -> None:
        self._values[self._count % self._values.size] = value
        self._count += 1

    def get(self) -> tuple[float, float] | None:
        """`(p50, p95)`, or None before the first value."""
        if not self._count:
            return None
        low, high = np.quantile(self._values[: len(self)], (0.5, 0.95))
        return float(low), float(high)


class Metrics:
    """What a server counts. Names start with `limelight_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stage_seconds = Histogram(
            "limelight_stage_seconds",
            "Waiting and computing time in a stage, per frame",
            ["stage"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.total_seconds = Histogram(
            "limelight_total_seconds",
            "From arrival of the newest sample to the encoded packet sent",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.drops = Counter("limelight_drops", "Frames dropped by full queues", ["kind"], registry=self.registry)
        self.concealed_seconds = Counter(
            "limelight_concealed_seconds", "Sound made up for lost packets", registry=self.registry
        )
        self.refused = Counter("limelight_refused", "Requests refused at a door", ["reason"], registry=self.registry)
        self.failures = Counter(
            "limelight_step_failures", "Model steps that failed and passed dry sound", ["stage"], registry=self.registry
        )
        self.connections = Gauge("limelight_connections", "Open connections", ["kind"], registry=self.registry)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when scraped."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def add(self, collector: Collector) -> None:
        """Anything that collects itself, such as the engines' ticks."""
        self.registry.register(collector)

    def text(self) -> bytes:
        """Prometheus exposition text."""
        return generate_latest(self.registry)

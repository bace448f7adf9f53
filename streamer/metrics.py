"""Counters, latency histograms and rolling quantiles; one registry a server, nothing global."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer.ticks.tick_stats import EngineSnapshot

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

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A gauge that is read when scraped."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def engines(self, snapshots: Callable[[], Sequence[EngineSnapshot]]) -> None:
        """Ticks and slots of every engine, read when scraped."""
        self.registry.register(_Engines(snapshots))

    def text(self) -> bytes:
        """Prometheus exposition text."""
        return generate_latest(self.registry)


class _Engines(Collector):
    """Engine snapshots as Prometheus families."""

    def __init__(self, snapshots: Callable[[], Sequence[EngineSnapshot]]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterator[Metric]:
        engines = self._snapshots()
        yield _counter("ticks", "Ticks of an engine", {each.name: each.ticks for each in engines})
        yield _counter("tick_rows", "Rows stepped by an engine", {each.name: each.rows for each in engines})
        yield _counter("tick_failures", "Rows that failed", {each.name: each.failures for each in engines})
        yield _gauge("slots", "Slots of an engine", {each.name: each.slots for each in engines})
        yield _gauge("slots_leased", "Slots in use", {each.name: each.leased for each in engines})
        yield _gauge(
            "compiled",
            "1 when an engine runs its compiled step",
            {each.name: each.compiled == "on" for each in engines},
        )
        ticks = HistogramMetricFamily("limelight_tick_seconds", "Duration of a tick", labels=["engine"])
        for each in engines:
            ticks.add_metric([each.name], _cumulative(each.tick_buckets), sum_value=each.tick_total_ms / 1e3)
        yield ticks


def _counter(name: str, text: str, values: dict[str, float]) -> Metric:
    family = CounterMetricFamily(f"limelight_{name}", text, labels=["engine"])
    for engine, value in values.items():
        family.add_metric([engine], value)
    return family


def _gauge(name: str, text: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"limelight_{name}", text, labels=["engine"])
    for engine, value in values.items():
        family.add_metric([engine], value)
    return family


def _cumulative(buckets: Sequence[tuple[float, int]]) -> list[tuple[str, float]]:
    """Fine `(upper edge in ms, count)` as the coarser cumulative buckets that every histogram here has."""
    edges = (*BUCKETS_S, float("inf"))
    return [
        (
            "+Inf" if edge == float("inf") else str(edge),
            sum(count for upper, count in buckets if upper / 1000 <= edge * 1.001),
        )
        for edge in edges
    ]

"""What a session can say of itself: levels, latency by stage, skew, drops. Feeds the `stats` event and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, VideoFrame
from streamer.meter import Meter
from streamer.metrics import Metrics, Quantiles

__all__ = ["PATH_ORDER", "Report"]

PATH_ORDER = ("jitter", "decode", "rechunk", "enhance", "changer", "level", "limiter", "encode")
STALE_S = 1.0
SMOOTHING = 0.05


@dataclass(frozen=True, slots=True)
class _Lag:
    """Smoothed time from capture to output on one track, and when it was last seen."""

    at: float
    seconds: float

    @classmethod
    def next(cls, last: _Lag | None, at: float, seconds: float) -> _Lag:
        if last is None or at - last.at > STALE_S:
            return cls(at, seconds)
        return cls(at, last.seconds + SMOOTHING * (seconds - last.seconds))


class Report:
    """Collects as media passes; `stats` is read five times a second."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.before, self.after = Meter(), Meter()
        self.compiled: Callable[[], bool] = lambda: False
        self._stages: dict[str, Quantiles] = {}
        self._total = Quantiles()
        self._drops: dict[str, float] = {"sound": 0, "picture": 0, "concealed_ms": 0.0}
        self._sound_lag: _Lag | None = None
        self._picture_lag: _Lag | None = None

    def observe(self, stage: str, seconds: float) -> None:
        """Time that a frame spent in a stage, waiting and computing."""
        self._stages.setdefault(stage, Quantiles()).add(seconds)
        self.metrics.stage_seconds.labels(stage).observe(seconds)

    def total(self, seconds: float) -> None:
        """Time from the arrival of a packet's newest sample to its sending."""
        self._total.add(seconds)
        self.metrics.total_seconds.observe(seconds)

    def dropped(self, kind: str, count: int = 1) -> None:
        """`kind`: `sound` or `picture`."""
        if count:
            self._drops[kind] += count
            self.metrics.drops.labels(kind).inc(count)

    def concealed(self, samples: int) -> None:
        self._drops["concealed_ms"] += samples * 1000 / SOUND_HZ
        self.metrics.concealed_seconds.inc(samples / SOUND_HZ)

    def failed(self, stage: str) -> None:
        """A model step failed; the hop passed dry."""
        self.metrics.failures.labels(stage).inc()

    def heard(self, hop: AudioFrame, now: float) -> None:
        """A hop enters the path."""
        self.observe("rechunk", max(0.0, now - hop.arrival))
        self.before.push(hop.samples)

    def made(self, hop: AudioFrame, now: float) -> None:
        """A hop leaves the path."""
        self.after.push(hop.samples)
        self._sound_lag = _Lag.next(self._sound_lag, now, now - hop.end / SOUND_HZ)

    def shown(self, frame: VideoFrame, now: float) -> None:
        """A picture leaves the path."""
        self._picture_lag = _Lag.next(self._picture_lag, now, now - frame.pts / PICTURE_HZ)

    def sound_lag_s(self, now: float) -> float | None:
        """How long after its capture pts sound leaves, smoothed; None when none has left lately."""
        lag = self._sound_lag
        return None if lag is None or now - lag.at > STALE_S else lag.seconds

    def skew_ms(self, now: float) -> float | None:
        """How far the sound that leaves is ahead of the picture that leaves, by capture time; None without both."""
        sound, picture = self._sound_lag, self._picture_lag
        if sound is None or picture is None or now - min(sound.at, picture.at) > STALE_S:
            return None
        return (picture.seconds - sound.seconds) * 1000

    def stats(self, now: float, delays_ms: Mapping[str, float]) -> dict[str, Any]:
        """The report's share of a `stats` event (docs/protocol.md); `delays_ms`: what each stage declares."""
        total = self._total.get()
        return {
            "levels": {
                "in_db": _rounded(self.before.peak_db),
                "out_db": _rounded(self.after.peak_db),
                "in_lufs": _rounded(self.before.lufs),
                "out_lufs": _rounded(self.after.lufs),
            },
            "stages": [self._stage(name, delays_ms.get(name, 0.0)) for name in PATH_ORDER if name in self._stages],
            "total_ms": total and {"p50": _rounded(total[0] * 1000), "p95": _rounded(total[1] * 1000)},
            "skew_ms": _rounded(self.skew_ms(now)),
            "drops": {kind: round(count, 1) for kind, count in self._drops.items()},
            "compiled": self.compiled(),
        }

    def _stage(self, name: str, delay_ms: float) -> dict[str, Any]:
        p50, p95 = self._stages[name].get() or (0.0, 0.0)
        return {
            "name": name,
            "p50_ms": _rounded(p50 * 1000, 2),
            "p95_ms": _rounded(p95 * 1000, 2),
            "delay_ms": round(delay_ms, 1),
        }


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)

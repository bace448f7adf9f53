"""What a run over a file has done, in words and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamer.transports.file.codecs import Encoding
from streamer.transports.file.plan import Plan, describe
from streamer.transports.file.source import SoundTrack, Source
from streamer.transports.file.target import Target

__all__ = ["Report", "summarise"]


@dataclass(frozen=True, slots=True)
class Report:
    """`samples`: of each track, at its own rate. `tracks` and `copied` say what became of the streams; `warnings` what
    in IN was mended and what OUT could not keep."""

    seconds: float
    elapsed_s: float
    samples: tuple[int, ...]
    tracks: tuple[str, ...]
    copied: tuple[str, ...]
    warnings: tuple[str, ...]
    bad_packets: int
    bad_samples: int

    @property
    def speed(self) -> float:
        """Seconds of sound per second."""
        return self.seconds / self.elapsed_s if self.elapsed_s > 0 else 0.0


def summarise(source: Source, plan: Plan, target: Target, elapsed_s: float) -> Report:
    tracks = source.tracks
    return Report(
        seconds=max(track.timeline.length / track.shape.rate for track in tracks),
        elapsed_s=elapsed_s,
        samples=tuple(track.timeline.length for track in tracks),
        tracks=tuple(_became(track, encoding) for track, encoding in plan.sound),
        copied=tuple(describe(stream) for stream in plan.copied),
        warnings=tuple(_warnings(source, plan, target)),
        bad_packets=sum(track.bad_packets for track in tracks),
        bad_samples=sum(track.bad_samples for track in tracks),
    )


def _became(track: SoundTrack, encoding: Encoding) -> str:
    shape = track.shape
    before = f"{shape.codec} {shape.rate} Hz {shape.layout}"
    after = f"{encoding.codec} {encoding.rate} Hz {encoding.layout}"
    return before if before == after else f"{before} → {after}"


def _warnings(source: Source, plan: Plan, target: Target) -> Iterator[str]:
    yield from plan.notes
    if source.stopped_early:
        yield f"reading stopped before the end: {source.stopped_early}"
    for track in source.tracks:
        yield from _mended(track)
    if target.mended_stamps:
        yield f"{target.mended_stamps} copied packets had times that ran backwards; moved"
    yield from target.notes


def _mended(track: SoundTrack) -> Iterator[str]:
    line, rate = track.timeline, track.shape.rate
    if track.bad_packets:
        yield f"{track.bad_packets} packets of sound could not be decoded"
    if track.bad_samples:
        yield f"{track.bad_samples} samples were not numbers; made zero"
    if line.silence:
        yield f"{line.silence / rate:.3f} s of sound were missing; filled with silence"
    if line.trimmed:
        yield f"{line.trimmed / rate:.3f} s of sound overlapped; trimmed"
    if line.leaps:
        yield f"{line.leaps} leaps in time that cannot be meant; closed"

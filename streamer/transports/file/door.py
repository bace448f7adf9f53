"""The file door: IN through the sound path to OUT, sample for sample in the same place.

Opens, plans, lets `flow` run and cleans up: OUT is whole under its name, or not there at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from streamer.frame import FormatError
from streamer.pipeline import SoundPath
from streamer.progress import Step
from streamer.transports.file.codecs import MP4_FAMILY
from streamer.transports.file.flow import Flow, Lane
from streamer.transports.file.landing import Landing, PipeLanding, land
from streamer.transports.file.pipes import PipeIn, PipeOut
from streamer.transports.file.plan import FileJob, Plan, make_plan
from streamer.transports.file.report import Report, summarise
from streamer.transports.file.source import Source
from streamer.transports.file.target import Target

__all__ = ["explained", "land_of", "run_file"]


async def run_file(
    job: FileJob, *, make_path: Callable[[int], SoundPath], progress: Callable[[Step], None] = lambda _: None
) -> Report:
    """Process `job.source` into `job.target`; `make_path(channels)` gives the stages for one track of sound.

    Cancelling it removes what was written.

    Raises:
        FormatError: IN cannot be read, OUT cannot be written, or they do not go together; nothing is left behind.
    """
    with contextlib.ExitStack() as stack:
        pipe = PipeIn() if job.source == "-" else None
        if pipe is not None:
            stack.callback(pipe.stop)
        source = await asyncio.to_thread(_open_source, job, pipe)
        stack.callback(source.close)
        plan = make_plan(source, job)
        landing = land_of(job)
        stack.callback(landing.discard)
        return await _run(job, _Open(source, plan, landing), make_path, progress)


@dataclass(frozen=True, slots=True)
class _Open:
    """One run's files."""

    source: Source
    plan: Plan
    landing: Landing

    def stop(self) -> None:
        """Let go whoever waits for the other end of a pipe."""
        self.source.stop()
        self.landing.stop()


async def _run(
    job: FileJob, files: _Open, make_path: Callable[[int], SoundPath], progress: Callable[[Step], None]
) -> Report:
    started = time.monotonic()
    source = files.source

    def tell(done_s: float) -> None:
        progress(Step(done_s, source.duration_s, time.monotonic() - started))

    with _lanes(source, make_path) as lanes, explained(job.target):
        target = Target(files.landing.file, files.plan, source)
        await Flow(lanes, read=source.read, write=target.write, stop=files.stop, tell=tell).run()
        _refuse_silence(source)
        await asyncio.to_thread(target.close)
        await asyncio.to_thread(files.landing.commit)
    return summarise(source, files.plan, target, time.monotonic() - started)


@contextlib.contextmanager
def _lanes(source: Source, make_path: Callable[[int], SoundPath]) -> Iterator[list[Lane]]:
    """One for each track; their stages are closed at the end."""
    with contextlib.ExitStack() as stack:
        lanes = []
        for track in source.tracks:
            path = make_path(track.shape.channels)
            stack.callback(path.close)
            lanes.append(Lane(path, track.shape.channels))
        yield lanes


@contextlib.contextmanager
def explained(target: str) -> Iterator[None]:
    """What disks and muxers say, in words."""
    try:
        yield
    except OSError as error:
        known = {errno.ENOSPC: "no space left on the disk", errno.EPIPE: "whoever was reading it has gone"}
        reason = known.get(error.errno or 0, error.strerror or str(error))
        raise FormatError(f"{target} could not be written: {reason}") from error
    except av.FFmpegError as error:
        raise FormatError(f"{target} could not be written: {error.strerror}") from error


def _refuse_silence(source: Source) -> None:
    if any(track.timeline.length for track in source.tracks):
        return
    bad = sum(track.bad_packets for track in source.tracks)
    reason = f"; {bad} packets could not be decoded" if bad else ""
    if source.is_pipe and source.container.split(",")[0] in MP4_FAMILY:
        reason = "; the index of this MP4 comes last, and a pipe cannot be wound back: give the file itself"
    raise FormatError(f"{source.name}: its sound is empty{reason}")


def _open_source(job: FileJob, pipe: PipeIn | None) -> Source:
    if pipe is not None:
        return Source(pipe, name="standard input", only_track=job.track)
    path = Path(job.source)
    if not path.exists():
        raise FormatError(f"{path}: there is no such file")
    if path.is_dir():
        raise FormatError(f"{path} is a directory; name a file in it")
    if path.is_file() and not path.stat().st_size:
        raise FormatError(f"{path} is empty")
    return Source(path, name=job.source, only_track=job.track)


def land_of(job: FileJob) -> Landing:
    """Where OUT is written.

    Raises:
        FormatError: it is not to be, or cannot be.
    """
    if job.target == "-":
        return PipeLanding(PipeOut())
    return land(Path(job.target), source=None if job.source == "-" else Path(job.source), force=job.force)

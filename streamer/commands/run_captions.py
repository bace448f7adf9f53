"""`limelight run IN OUT --captions`: what is said in IN, written as text, put beside its picture or drawn into it.

Listens first, then writes, because text that comes early in a file is known late. Reads neither argv nor environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from streamer.frame import FormatError
from streamer.progress import Step
from streamer.stages.recognise import Caption
from streamer.stages.scribe import Scribe
from streamer.text.cues import Cue, cues_of
from streamer.text.subtitles import FORMATS, written
from streamer.text.transcript import Segment, Transcript
from streamer.transports.file import FileJob
from streamer.transports.file.door import explained, land_of
from streamer.transports.file.pipes import PipeIn
from streamer.transports.file.recording import open_recording

__all__ = ["CaptionsWanted", "Said", "beside", "is_text", "listen", "put_in", "write_text"]

Tell = Callable[[Step], None]
TEXTS = (*FORMATS, "json")


@dataclass(frozen=True, slots=True)
class CaptionsWanted:
    """`how`: alone as text, as a stream of text in the file, or drawn into its picture, which `codec` then encodes."""

    how: Literal["text", "soft", "burn"]
    stt: str = "limelight"
    codec: str | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """The segments of a recording of `seconds`; `warnings` say what was left out."""

    segments: Sequence[Segment]
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def cues(self) -> list[Cue]:
        return cues_of(segment.words for segment in self.segments)

    @property
    def words(self) -> int:
        return sum(len(segment.words) for segment in self.segments)


def is_text(job: FileJob) -> bool:
    """Whether OUT holds text alone."""
    return _form(job) in TEXTS


def _form(job: FileJob) -> str:
    return job.container or Path(job.target).suffix.lower().removeprefix(".")


async def listen(job: FileJob, scribe: Scribe, *, tell: Tell) -> Said:
    """All that is said in the track that the job names, else in the first.

    Raises:
        FormatError: IN cannot be read or has no sound.
    """
    started, transcript = time.monotonic(), Transcript(most_words=1 << 40)

    def keep(captions: Sequence[Caption]) -> None:
        for caption in captions:
            transcript.add(caption.event().body)

    with _in_file(job) as file:
        recording = await open_recording(file, name=_name(job), track=job.track or 1)
        with contextlib.closing(recording):
            async for frame in recording.frames():
                keep(await scribe.hear(frame))
                tell(Step(recording.seconds, recording.total_s, time.monotonic() - started))
            keep(await scribe.end())
            warnings = (f"reading stopped before the end: {why}",) if (why := recording.stopped_early) else ()
            return Said(tuple(transcript.segments), recording.seconds, warnings)


def write_text(job: FileJob, said: Said) -> None:
    """OUT, of the kind that its name or `--format` says.

    Raises:
        FormatError: it cannot be written.
    """
    landing = land_of(job)
    try:
        with explained(job.target):
            landing.file.write(_text(_form(job), said).encode())
            landing.commit()
    finally:
        landing.discard()


def _text(form: str, said: Said) -> str:
    if form != "json":
        return written(FORMATS[form], said.cues)
    segments = [segment.as_json() for segment in said.segments]
    return json.dumps({"seconds": round(said.seconds, 3), "segments": segments}, ensure_ascii=False, indent=1) + "\n"


async def put_in(job: FileJob, said: Said, wanted: CaptionsWanted, *, tell: Tell) -> list[str]:
    """OUT: all of IN, with its captions; what was left out, in words. Cancelling it removes what was written.

    Raises:
        FormatError: OUT cannot hold them, or cannot be written.
    """
    stop = threading.Event()
    writing = asyncio.ensure_future(asyncio.to_thread(_put_in, job, said, wanted, tell, stop))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(writing, return_exceptions=True)
        raise


def _put_in(job: FileJob, said: Said, wanted: CaptionsWanted, tell: Tell, stop: threading.Event) -> list[str]:
    from streamer.transports.file.captioned import captioned

    started, landing = time.monotonic(), land_of(job)

    def done(seconds: float) -> None:
        tell(Step(min(seconds, said.seconds), said.seconds, time.monotonic() - started))

    try:
        with explained(job.target), captioned(job, landing.file, said.cues, how=wanted.how, codec=wanted.codec) as out:
            out.write(tell=done, stop=stop)
            landing.commit()
            return out.notes
    finally:
        landing.discard()


@contextlib.contextmanager
def beside(job: FileJob) -> Iterator[FileJob]:
    """The same job, written to a file beside OUT that goes away again: where sound is changed before captions come."""
    target = Path(job.target)
    path = target.with_name(f".{target.stem[:200]}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield replace(job, target=str(path))
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _in_file(job: FileJob) -> Iterator[Path | PipeIn]:
    if job.source != "-":
        if not Path(job.source).is_file():
            raise FormatError(f"{job.source}: there is no such file")
        yield Path(job.source)
        return
    pipe = PipeIn()
    try:
        yield pipe
    finally:
        pipe.stop()


def _name(job: FileJob) -> str:
    return "standard input" if job.source == "-" else job.source

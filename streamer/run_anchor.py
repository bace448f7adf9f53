"""`limelight run IN OUT --anchor`: IN's voice spoken by a drawn anchor, as a film.

Listens first, then draws, because head and lips know what comes. Reads neither argv nor the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.acting import mouth_of_level
from models.drive import LEAD_S
from models.prosody import FRAMES_HZ, Beat, beats_of_loudness, loudness_db
from models.rig import Pose
from streamer.film import AHEAD_S, Film
from streamer.frame import SOUND_HZ, FormatError, Sound
from streamer.progress import Step
from streamer.stages.anchor import AnchorWanted
from streamer.transports.file import FileJob
from streamer.transports.file.door import land_of
from streamer.transports.file.source import SoundBlock, SoundEnd, Source

__all__ = ["Spoken", "anchored", "heard"]

Tell = Callable[[Step], None]
LOUD_PERCENTILE = 95
BRIGHT_HZ = (1200.0, 2600.0)  # where the middle of the spectrum lies for u and for i
BLOCK = SOUND_HZ // 10


class Stopped(Exception):
    """Nobody wants the result any more."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What an anchor needs to know of a voice: its mouth at any second, the beats of it, and how long it is."""

    mouth: Callable[[float], Pose]
    beats: Iterable[Beat]
    seconds: float


async def anchored(job: FileJob, wanted: AnchorWanted, *, codec: str | None, tell: Tell) -> Spoken:
    """OUT, from IN's voice. Cancelling it removes what was written.

    Raises:
        FormatError: IN cannot be read, OUT cannot be written, or the character cannot be drawn as wanted.
    """
    stop = threading.Event()
    working = asyncio.ensure_future(asyncio.to_thread(_anchored, job, wanted, codec, tell, stop))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(working, return_exceptions=True)
        raise


def _anchored(job: FileJob, wanted: AnchorWanted, codec: str | None, tell: Tell, stop: threading.Event) -> Spoken:
    land_of(job).discard()  # what cannot be written is said before anybody listens for an hour
    with _voice(job) as blocks:
        spoken = heard(_stoppable(blocks, stop))
    with _voice(job) as blocks:
        _write(job, wanted, _stoppable(blocks, stop), spoken, codec=codec, tell=tell)
    return spoken


def heard(blocks: Iterable[Sound]) -> Spoken:
    """What a voice says to a face that has no better ears: how loud it is and how bright, 100 times a second."""
    levels, brights, length = [], [], 0
    for block in _whole_hops(blocks):
        levels.append(loudness_db(block, SOUND_HZ))
        brights.append(_bright(block))
        length += len(block)
    if not length:
        raise FormatError("there is no sound that an anchor could speak")
    level, bright = _smoothed(np.concatenate(levels)), _smoothed(np.concatenate(brights))
    loud = float(np.percentile(level, LOUD_PERCENTILE))

    def mouth(at_s: float) -> Pose:
        now = min(len(level) - 1, max(0, round((at_s + LEAD_S) * FRAMES_HZ)))
        return mouth_of_level(float(level[now]), loud_db=loud, bright=float(bright[now]))

    return Spoken(mouth, beats_of_loudness(level), length / SOUND_HZ)


def _write(
    job: FileJob, wanted: AnchorWanted, blocks: Iterable[Sound], spoken: Spoken, *, codec: str | None, tell: Tell
) -> None:
    started, beats = time.monotonic(), deque(spoken.beats)
    with Film(job, wanted, codec=codec) as film:
        for block in blocks:
            film.sound(block)
            while beats and beats[0].at_s < film.seconds + AHEAD_S:
                beat = beats.popleft()
                film.actor.life.beat(beat.at_s, beat.strength)
            film.pictures(spoken.mouth, until_s=film.seconds)
            tell(Step(film.seconds, spoken.seconds, time.monotonic() - started))
        film.finish()


@contextlib.contextmanager
def _voice(job: FileJob) -> Iterator[Iterator[Sound]]:
    """IN's sound as mono blocks of 0.1 s at most."""
    if job.source == "-":
        raise FormatError("--anchor reads IN twice, which standard input cannot be: name a file")
    path = Path(job.source)
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file")
    source = Source(path, name=job.source, only_track=job.track or 1)
    try:
        yield _blocks(source)
    finally:
        source.close()


def _blocks(source: Source) -> Iterator[Sound]:
    while items := source.read():
        for item in items:
            if isinstance(item, SoundBlock | SoundEnd):
                mono = item.samples.mean(0, keepdims=True)
                yield from (mono[:, at : at + BLOCK] for at in range(0, mono.shape[1], BLOCK))


def _stoppable(blocks: Iterable[Sound], stop: threading.Event) -> Iterator[Sound]:
    for block in blocks:
        if stop.is_set():
            raise Stopped
        yield block


def _whole_hops(blocks: Iterable[Sound]) -> Iterator[Sound]:
    """The same sound `[T]` in pieces of whole 10 ms, the last one filled up with silence."""
    hop, held = SOUND_HZ // FRAMES_HZ, np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block[0]])
        whole = len(held) - len(held) % hop
        if whole:
            yield held[:whole]
        held = held[whole:]
    if len(held):
        yield np.pad(held, (0, hop - len(held)))


def _bright(sound: Sound) -> Sound:
    """Where the spectrum's middle lies, 0 as for u … 1 as for i, for each 10 ms of `[T]`."""
    hops = sound.reshape(-1, SOUND_HZ // FRAMES_HZ)
    power = np.abs(np.fft.rfft(hops * np.hanning(hops.shape[1]), axis=1)) ** 2
    hertz = np.fft.rfftfreq(hops.shape[1], 1 / SOUND_HZ)
    near = (hertz > 300) & (hertz < 4000)
    middle = (power[:, near] ** 0.5 @ hertz[near]) / ((power[:, near] ** 0.5).sum(1) + 1e-9)
    return np.asarray(np.clip((middle - BRIGHT_HZ[0]) / (BRIGHT_HZ[1] - BRIGHT_HZ[0]), 0, 1), np.float32)


def _smoothed(rows: Sound) -> Sound:
    window = np.hanning(9)[1:-1]
    return np.asarray(np.convolve(np.pad(rows, 3, "edge"), window / window.sum(), "valid"), np.float32)

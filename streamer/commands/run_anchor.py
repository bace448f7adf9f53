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
from typing import TYPE_CHECKING

import numpy as np

from models.mouth import mouth_pose
from models.prosody import FRAMES_HZ, Beat, beats_of_loudness, loudness_db
from models.rig import Pose, settled
from streamer.commands.film import AHEAD_S, Film
from streamer.frame import HOP, SOUND_HZ, FormatError, Sound
from streamer.progress import Step
from streamer.stages.anchor import AnchorWanted
from streamer.transports.file import FileJob
from streamer.transports.file.source import SoundBlock, SoundEnd, Source

if TYPE_CHECKING:
    from models.streaming import Tree

__all__ = ["Spoken", "anchored", "heard"]

Tell = Callable[[Step], None]
LOUD_PERCENTILE = 95
QUIET_DB = 35.0  # below what is loud
HANG_HOPS = 8
LIVELY = 1.35  # a network that learned means moves lips less than people do
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
    with Film(job, wanted, codec=codec) as film:  # what cannot be is said before anybody listens for an hour
        with _voice(job) as blocks:
            spoken = heard(_stoppable(blocks, stop))
        with _voice(job) as blocks:
            _fill(film, _stoppable(blocks, stop), spoken, tell=tell)
        film.finish()
    return spoken


def heard(blocks: Iterable[Sound]) -> Spoken:
    """What a voice says to a face: the mouth by the network that reads it off the sound, beats by its loudness."""
    levels, mouths = [], []
    with Lipreader() as reader:
        for block in _whole_hops(blocks):
            levels.append(loudness_db(block, SOUND_HZ))
            mouths.append(reader.read(block))
    if not levels:
        raise FormatError("there is no sound that an anchor could speak")
    level, shapes = np.concatenate(levels), np.concatenate(mouths)[reader.delay :]
    busy = level > np.percentile(level, LOUD_PERCENTILE) - QUIET_DB  # hiss moves no lips

    def mouth(at_s: float) -> Pose:
        now = min(len(shapes) - 1, max(0, round(at_s * FRAMES_HZ)))
        near = busy[max(0, now - HANG_HOPS) : now + HANG_HOPS].mean()
        return settled(mouth_pose(shapes[now]) * np.float32(LIVELY * min(1.0, 2 * near)))

    return Spoken(mouth, beats_of_loudness(level), len(level) / FRAMES_HZ)


class Lipreader:
    """The mouth's network for one voice, on one thread of torch while the context lasts."""

    def __init__(self) -> None:
        import torch  # seconds: what cannot be done is told before that

        from models.visemes import load_visemes

        self._torch, self._network = torch, load_visemes()
        self._state: Tree = self._network.initial_state(1)
        self.delay = self._network.delay

    def read(self, sound: Sound) -> Sound:
        """Whole hops `[T]` -> the values of `MOUTH` `[T / 480, 13]`, `delay` hops late."""
        found = []
        with self._torch.inference_mode():
            for hop in self._torch.from_numpy(np.ascontiguousarray(sound))[None, None].split(HOP, -1):
                self._state, mouth = self._network.step(self._state, hop)
                found.append(mouth[0, :, 0])
            return np.asarray(self._torch.stack(found).numpy())

    def __enter__(self) -> Lipreader:
        self._threads = self._torch.get_num_threads()
        self._torch.set_num_threads(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._torch.set_num_threads(self._threads)


def _fill(film: Film, blocks: Iterable[Sound], spoken: Spoken, *, tell: Tell) -> None:
    started, beats = time.monotonic(), deque(spoken.beats)
    for block in blocks:
        film.sound(block)
        while beats and beats[0].at_s < film.seconds + AHEAD_S:
            beat = beats.popleft()
            film.actor.life.beat(beat.at_s, beat.strength)
        film.pictures(spoken.mouth, until_s=film.seconds)
        tell(Step(film.seconds, spoken.seconds, time.monotonic() - started))


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

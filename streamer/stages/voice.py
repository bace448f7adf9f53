"""What a voice is to a session: clauses in, sound out by pieces, with the times of words and phones in it.

The seam between what is said and any voice, ours or a public one: a further one is one file that fits `Voice`. It may
make features and step a vocoder, or yield its sound as it comes. Knows no network and no door.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from models.tts.types import Clause, Controls, Phone, SpokenWord
from streamer.engine import Engine
from streamer.frame import SOUND_HZ, Sound

__all__ = ["PIECE", "SILENCE", "Piece", "Run", "Speaker", "TextReader", "Voice", "moved", "within"]

T = TypeVar("T")
Timed = TypeVar("Timed", Phone, SpokenWord)

PIECE = SOUND_HZ // 50
SILENCE: Sound = np.zeros((1, 0), np.float32)


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound `[1, T]` at 48 kHz, usually 20 ms, that follows the piece before without a gap.

    `phones` and `words` begin in it; their times are seconds from its first sample. `unspoken`: text that this voice
    cannot say. `flushed`: all text up to a `flush` has been said.
    """

    samples: Sound
    phones: tuple[Phone, ...] = ()
    words: tuple[SpokenWord, ...] = ()
    unspoken: tuple[str, ...] = ()
    epoch: int = 0
    flushed: bool = False

    @property
    def length(self) -> int:
        return int(self.samples.shape[1])


class TextReader(Protocol):
    """Text by any pieces -> clauses, as soon as they are complete (`models/tts/reader.py`)."""

    def push(self, text: str) -> list[Clause]: ...

    def flush(self) -> list[Clause]: ...


class Speaker(Protocol):
    """One stream of speech. Its clauses are spoken one at a time; one may be left in the middle."""

    def speak(self, clause: Clause, controls: Controls) -> AsyncGenerator[Piece]:
        """The clause's sound, as it is made, with the pause after it; all on its own, whatever was said before."""
        ...

    def close(self) -> None:
        """Give back what it holds. Idempotent."""
        ...


class Run(Protocol):
    """Carries blocking work of a stream through: `Jobs.run`."""

    async def __call__(self, work: Callable[[], T], /) -> T: ...


class Voice(Protocol):
    """A voice, loaded; shared by all streams. `engines`: what of it runs in slots, to be watched and compiled."""

    engines: tuple[Engine, ...]
    run: Run

    def reader(self) -> TextReader:
        """For a new text; its methods may block for milliseconds: call them in `run`."""
        ...

    def speaker(self) -> Speaker:
        """For a new stream.

        Raises:
            EngineFull: there are as many as can be.
        """
        ...

    def close(self) -> None:
        """Streams that speak end with `Closed` or a cancelled job."""
        ...


def within(timed: tuple[Timed, ...], begin: int, end: int) -> tuple[Timed, ...]:
    """Those that begin in the samples `begin` to `end`, timed from there."""
    found = [each for each in timed if begin <= round(each.start_s * SOUND_HZ) < end]
    return tuple(moved(each, -begin / SOUND_HZ) for each in found)


def moved(timed: Timed, seconds: float) -> Timed:
    """The same, that much later."""
    start_s, end_s = timed.start_s + seconds, timed.end_s + seconds
    if isinstance(timed, Phone):
        return Phone(timed.name, start_s, end_s)
    return SpokenWord(timed.text, timed.begin, timed.end, start_s, end_s)

"""What a speech recogniser is to a session: sound in, the words of this segment so far out; and the event made of them.

The seam between captions and any recogniser, ours or a public one: a further one is one file that fits `Recogniser`.
Knows no network, no decoder and no door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from streamer.frame import Event

__all__ = ["Caption", "Heard", "Narrowing", "Pace", "Recogniser", "TimedWord", "text_of"]


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as it is written, when it was said in seconds on the session's media clock, and how sure we are, 0…1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of one segment so far; the first `stable` of them will not change any more."""

    words: tuple[TimedWord, ...] = ()
    stable: int = 0


class Recogniser(Protocol):
    """One a session: steps an engine's model and runs its decoder off the event loop.

    `chunk_samples`: how much 48 kHz mono sound it takes at a time. A segment begins with the first `hear` after
    `finish` (or after the making) and takes unbroken sound from there.
    """

    @property
    def chunk_samples(self) -> int: ...

    async def hear(self, chunk: NDArray[np.float32], *, pts: int) -> Heard:
        """`[1, chunk_samples]` in ±1, whose first sample is at `pts` of the session's clock (48 kHz)."""
        ...

    async def finish(self) -> Heard:
        """The segment's end: look-ahead is flushed, every word is final; ready for the next segment.

        Also called after a `hear` that failed or was cancelled, and must then forget that segment.
        """
        ...

    def close(self) -> None:
        """Give back what it holds. Idempotent."""
        ...


@runtime_checkable
class Narrowing(Protocol):
    """A recogniser that can save time: told before each chunk how far captions are behind, 0 when they keep up."""

    def narrow(self, lag_s: float) -> None: ...


class Pace(StrEnum):
    """Whether captions keep up with the sound; `SKIPPED`: some sound was left out so as not to drift."""

    LIVE = "live"
    BEHIND = "behind"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Caption:
    """What changed on the screen: `committed` words are appended and never taken back, `tail` may still change.

    `final`: the segment ends with this. `start_s`: when the segment began. `lag_s`: how long before now the newest
    sound was captured that these words come from.
    """

    segment: int
    committed: tuple[TimedWord, ...]
    tail: tuple[TimedWord, ...]
    final: bool
    start_s: float
    lag_s: float
    pace: Pace = Pace.LIVE

    def event(self) -> Event:
        """As it travels to whoever is attached (docs/protocol.md); committed texts are joined by a space."""
        body = {
            "segment": self.segment,
            "committed": text_of(self.committed),
            "tail": text_of(self.tail),
            "words": [_rounded(word) for word in self.committed],
            "final": self.final,
            "start_s": round(self.start_s, 3),
            "lag_s": round(self.lag_s, 3),
            "pace": self.pace.value,
        }
        return Event("caption", body)


def text_of(words: Sequence[TimedWord]) -> str:
    return " ".join(word.text for word in words)


def _rounded(word: TimedWord) -> dict[str, object]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(word).items()}

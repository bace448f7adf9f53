"""What was said in a session so far, from its caption events; bounded: the oldest segments go.

Plain memory: it is never written to a disk or a log, and ends with its session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from streamer.stages.recognise import TimedWord, text_of

__all__ = ["MOST_WORDS", "Segment", "Transcript", "spoken"]

MOST_WORDS = 50_000  # about six hours without a pause; some 10 MB


def spoken(caption: Mapping[str, Any]) -> list[TimedWord]:
    """The words that a `caption` event's body commits."""
    return [TimedWord(**word) for word in caption["words"]]


@dataclass(slots=True)
class Segment:
    """What was said between two silences."""

    number: int
    words: list[TimedWord] = field(default_factory=list)
    final: bool = False

    @property
    def text(self) -> str:
        return text_of(self.words)

    def as_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "segment": self.number,
            "start_s": self.words[0].start_s if self.words else None,
            "end_s": self.words[-1].end_s if self.words else None,
            "text": self.text,
            "final": self.final,
            "words": [asdict(word) for word in self.words],
        }


class Transcript:
    """Keeps the last `most_words`; `forgotten_words` counts what was said before them."""

    def __init__(self, most_words: int = MOST_WORDS) -> None:
        self.forgotten_words = 0
        self._most, self._held = most_words, 0
        self._segments: deque[Segment] = deque()

    @property
    def segments(self) -> Sequence[Segment]:
        """Oldest first; the last may still grow."""
        return self._segments

    def add(self, caption: Mapping[str, Any]) -> None:
        """The body of a `caption` event."""
        words = spoken(caption)
        known = bool(self._segments) and self._segments[-1].number == caption["segment"]
        if not words and not known:
            return  # so far only a guess
        if not known:
            self._segments.append(Segment(caption["segment"]))
        segment = self._segments[-1]
        segment.words += words
        segment.final = caption["final"]
        self._held += len(words)
        self._forget()

    def _forget(self) -> None:
        while (excess := self._held - self._most) > 0:
            first = self._segments[0]
            gone = min(excess, len(first.words))
            del first.words[:gone]
            self._held -= gone
            self.forgotten_words += gone
            if not first.words and first.final:
                self._segments.popleft()

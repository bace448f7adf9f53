"""The lines that a session was given to say: which text is being said, which words of it were, and events of it.

A line is what was said at once, or by pieces until its end. Pure: knows no sound and no door.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from models.tts.types import SpokenWord
from streamer.frame import Event

__all__ = ["Line", "Lines"]


@dataclass(slots=True)
class Line:
    """`begin` and `end`: its place in all the text given. `words` of it that went out, by where they begin."""

    number: int
    begin: int
    end: int
    open: bool
    words: dict[int, SpokenWord] = field(default_factory=dict)

    def event(self, state: str, **more: object) -> Event:
        return Event("saying", {"line": self.number, "state": state, **more})


class Lines:
    """Lines that are not yet over, oldest first."""

    def __init__(self) -> None:
        self._waiting: deque[Line] = deque()
        self._count = 0

    @property
    def open(self) -> bool:
        """Whether the last line goes on with the next text."""
        return bool(self._waiting) and self._waiting[-1].open

    def add(self, text: str, *, begin: int, more: bool) -> Line:
        """Text at `begin` of all: the rest of the last line if that is open, or a new one; `more` of it may follow."""
        if not self.open:
            self._count += 1
            self._waiting.append(Line(self._count, begin, begin, more))
        line = self._waiting[-1]
        line.end, line.open = begin + len(text), more
        return line

    def began(self, word: SpokenWord) -> Event | None:
        """A word goes out."""
        line = next((each for each in self._waiting if each.begin <= word.begin < each.end), None)
        if line is None:
            return None
        line.words[word.begin] = word
        place = {"begin": word.begin - line.begin, "end": word.end - line.begin}
        times = {"start_s": round(word.start_s, 3), "end_s": round(word.end_s, 3)}
        return line.event("word", text=word.text, **place, **times)

    def done(self) -> Event | None:
        """All of the oldest line went out."""
        return self._waiting.popleft().event("said") if self._waiting else None

    def drop(self, cut: SpokenWord | None, reason: str) -> list[Event]:
        """No line goes on: which words of each were said, but for the one that was `cut`."""
        events = []
        for line in self._waiting:
            if cut is not None:
                line.words.pop(cut.begin, None)
            said = [line.words[begin] for begin in sorted(line.words)]
            end = max((word.end - line.begin for word in said), default=0)
            events.append(line.event("cut", reason=reason, said=" ".join(word.text for word in said), end=end))
        self._waiting.clear()
        return events

    def now(self, state: str, **more: object) -> list[Event]:
        """An event of the line that is being said, if any."""
        return [self._waiting[0].event(state, **more)] if self._waiting else []

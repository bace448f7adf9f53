"""Caption-true mode: sound and words wait until words are committed; then they go out together, mended or not (pure).

`Airing` is given hops and captions and gives those whose time has come. Lines of text can be changed while they wait.
Knows no clock but pts: one hop goes out for each that comes in. Nothing here is heard or seen before it is given out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event
from streamer.stages.bleep import Bleeper, WordList, masked, stars
from streamer.stages.recognise import Caption, TimedWord, text_of

__all__ = ["Airing", "EditError", "Line", "LineState"]

LINE_CHARACTERS = 84  # two rows on a screen
SENTENCE_ENDS = (".", "?", "!", "…")
LINES_KEPT = 50  # those that have aired go first, then those that are held back for ever
LONGEST_TEXT = 500


class EditError(ValueError):
    """An edit that makes no sense or comes too late; the text says why."""


class LineState(StrEnum):
    """`HELD`: its words do not go out until it is released; `AIRED`: all of them have."""

    PENDING = "pending"
    HELD = "held"
    DELETED = "deleted"
    AIRED = "aired"


@dataclass(frozen=True, slots=True)
class Line:
    """What can be edited as one: `aired` of its words are out; no more come once it is `full`."""

    number: int
    words: tuple[TimedWord, ...]
    state: LineState = LineState.PENDING
    full: bool = False
    aired: int = 0

    def event(self, hold_s: float) -> Event:
        """For who may edit; `airs_s`: when it goes out, on the session's clock."""
        start_s, end_s = self.words[0].start_s, self.words[-1].end_s
        body: dict[str, Any] = {
            "line": self.number,
            "text": text_of(self.words),
            "state": self.state.value,
            "full": self.full,
            "begun": self.aired > 0,
            "start_s": round(start_s, 3),
            "end_s": round(end_s, 3),
            "airs_s": round(start_s + hold_s, 3),
        }
        return Event("line", body)


class Airing:
    """`changed` collects the lines that somebody who edits should hear of; take them after every call.

    `late`: words that were committed after their sound had gone out.
    """

    def __init__(self) -> None:
        self.late = 0
        self.held_s = 0.0
        self.changed: list[Line] = []
        self._hops: deque[AudioFrame] = deque()
        self._bleeper = Bleeper()
        self._lines: dict[int, Line] = {}
        self._number = 0
        self._segment: int | None = None  # the captioner's number of the one that goes through unheld
        self._aired_pts = 0

    @property
    def lines(self) -> list[Line]:
        """Those that have not gone out."""
        return [line for line in self._lines.values() if line.state is not LineState.AIRED]

    def push(self, hop: AudioFrame, hold_s: float) -> list[AudioFrame]:
        """The hops that go out now that this one has come: after a longer hold is asked for, none for a while."""
        if self._hops and self._hops[-1].epoch != hop.epoch:
            self._hops.clear()
        self._hops.append(hop)
        most = round(hold_s * SOUND_HZ / HOP)
        out = []
        if not hold_s:
            out, self._hops = [hop], deque()
        while len(self._hops) > most:
            first = self._hops.popleft()
            if len(self._hops) <= most:  # after a shorter hold is asked for, what lies between is left out
                out.append(self._bleeper.apply(first))
        self.held_s = len(self._hops) * HOP / SOUND_HZ
        if out:
            self._aired_pts = out[-1].end
        return out

    def drain(self) -> AudioFrame | None:
        """The next hop when no more come in."""
        if not self._hops:
            return None
        hop = self._bleeper.apply(self._hops.popleft())
        self._aired_pts, self.held_s = hop.end, len(self._hops) * HOP / SOUND_HZ
        return hop

    def hear(self, caption: Caption, words: WordList, hold_s: float) -> list[Caption]:
        """A caption from the captioner; what may be shown at once: all of it, without a hold."""
        if not hold_s:
            return [*self._flush(), self._through(masked(caption, words))]
        for word in (*caption.committed, *caption.tail):
            if word.text in words:
                self._bleeper.mark(word.start_s, word.end_s)
        caption, ended = masked(caption, words), self._end_through(caption)
        self.late += sum(word.start_s * SOUND_HZ < self._aired_pts for word in caption.committed)
        for word in caption.committed:
            self._append(word)
        if caption.final:
            self._close_line()
        return ended

    def due(self) -> list[Caption]:
        """What is said in the sound that has gone out, as captions: one segment for each line."""
        return self._shown(self._aired_pts / SOUND_HZ)

    def edit(self, number: int, action: str, text: str | None = None) -> Line:
        """Mend, hold, release, delete or bleep a line that has not gone out.

        Raises:
            EditError: there is no such line or action, or it is too late.
        """
        line = self._lines.get(number)
        if line is None or line.state is LineState.AIRED:
            raise EditError(f"line {number} has gone out already" if line else f"there is no line {number}")
        changes = {
            "mend": lambda: self._mended(line, text),
            "hold": lambda: replace(line, state=LineState.HELD, full=True),
            "release": lambda: replace(line, state=LineState.PENDING),
            "delete": lambda: replace(line, state=LineState.DELETED, full=True),
            "bleep": lambda: self._bleeped(line),
        }
        if action not in changes:
            raise EditError(f"no such action: {action!r} (known: {', '.join(changes)})")
        return self._put(changes[action]())

    def _mended(self, line: Line, text: str | None) -> Line:
        """The new words share the time of those that they replace."""
        fresh = (text or "").split()
        if not fresh or len(text or "") > LONGEST_TEXT:
            raise EditError(f'"mend" needs a "text" of 1 to {LONGEST_TEXT} characters; "delete" takes a line away')
        if line.aired:
            raise EditError(f"line {line.number} has begun to go out")
        start_s, end_s = line.words[0].start_s, line.words[-1].end_s
        each_s = (end_s - start_s) / len(fresh)
        words = (TimedWord(one, start_s + i * each_s, start_s + (i + 1) * each_s, 1.0) for i, one in enumerate(fresh))
        return replace(line, words=tuple(words), full=True)

    def _bleeped(self, line: Line) -> Line:
        self._bleeper.mark(line.words[line.aired].start_s, line.words[-1].end_s)
        words = line.words[: line.aired] + tuple(
            replace(word, text=stars(word.text)) for word in line.words[line.aired :]
        )
        return replace(line, words=words, full=True)

    def _through(self, caption: Caption) -> Caption:
        if caption.segment != self._segment:
            self._segment = caption.segment
            self._number += 1
        return replace(caption, segment=self._number)

    def _end_through(self, caption: Caption) -> list[Caption]:
        """From now on words are held: what went through unheld ends here."""
        if self._segment is None:
            return []
        self._segment = None
        return [Caption(self._number, (), (), True, caption.start_s, caption.lag_s)]

    def _append(self, word: TimedWord) -> None:
        line = self._lines.get(self._number)
        if line is None or line.full:
            self._number += 1
            line = Line(self._number, ())
        line = replace(line, words=(*line.words, word))
        length = len(text_of(line.words))
        sentence = word.text.endswith(SENTENCE_ENDS) and length >= LINE_CHARACTERS // 2
        self._put(replace(line, full=sentence or length >= LINE_CHARACTERS - 8))

    def _close_line(self) -> None:
        line = self._lines.get(self._number)
        if line is not None and not line.full:
            self._put(replace(line, full=True))

    def _put(self, line: Line) -> Line:
        self._lines[line.number] = line
        self.changed.append(line)
        if len(self._lines) > LINES_KEPT:
            aired = (number for number, each in self._lines.items() if each.state is LineState.AIRED)
            del self._lines[next(aired, next(iter(self._lines)))]
        return line

    def _flush(self) -> list[Caption]:
        """Everything that waits and is not held back by somebody."""
        self._close_line()
        return self._shown(float("inf"))

    def _shown(self, until_s: float) -> list[Caption]:
        return [
            caption
            for line in list(self._lines.values())
            if line.state in (LineState.PENDING, LineState.DELETED)
            if (caption := self._aired(line, until_s)) is not None
        ]

    def _aired(self, line: Line, until_s: float) -> Caption | None:
        """The words of a line whose time has come."""
        deleted = line.state is LineState.DELETED
        due = [] if deleted else [word for word in line.words[line.aired :] if word.start_s < until_s]
        aired = line.aired + len(due)
        over = line.full and (line.words[-1].start_s < until_s if deleted else aired == len(line.words))
        if not due and not over:
            return None
        # One that was deleted in the middle has been seen, and what is seen stays.
        state = LineState.AIRED if over and not deleted else line.state
        if deleted:
            self._lines.pop(line.number)
        else:
            self._lines[line.number] = line = replace(line, aired=aired, state=state)
            if over or aired == len(due):  # it ends, or it begins, to go out
                self.changed.append(line)
        if not due and not aired:
            return None
        return Caption(line.number, tuple(due), (), over, line.words[0].start_s, self.held_s)

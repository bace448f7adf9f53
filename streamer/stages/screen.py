"""What stands on a screen while captions come in: two rows that roll up, and leave after the last word (pure).

Knows the captions and the time of the picture that they are for; no pixel.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from streamer.stages.recognise import Caption, text_of

__all__ = ["COLUMNS", "ROWS", "Row", "Screen"]

COLUMNS, ROWS = 42, 2
LINGER_S = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of text: `solid` does not change any more, `tail` may."""

    solid: str = ""
    tail: str = ""


class Screen:
    """Words that are committed keep their row; only the tail is laid out anew."""

    def __init__(self) -> None:
        self._rows: deque[str] = deque([""], maxlen=ROWS)
        self._tail: tuple[str, ...] = ()
        self._segment: int | None = None
        self._changed_s: float | None = None

    def hear(self, caption: Caption) -> None:
        """A caption, in the order in which they come."""
        if caption.segment != self._segment and self._rows[-1]:
            self._rows.append("")
        self._segment = caption.segment
        for word in caption.committed:
            self._append(self._rows, word.text)
        self._tail = tuple(text_of(caption.tail).split())
        self._changed_s = None

    def rows(self, time_s: float) -> tuple[Row, ...]:
        """What stands on a picture of this time; pictures are asked for in order."""
        if self._changed_s is None:
            self._changed_s = time_s
        if time_s - self._changed_s > LINGER_S:
            self._rows, self._tail = deque([""], maxlen=ROWS), ()
        shown = deque((Row(solid) for solid in self._rows), maxlen=ROWS)
        for word in self._tail:
            last = shown[-1]
            tail = f"{last.tail} {word}" if last.tail or last.solid else word
            if len(last.solid) + len(tail) > COLUMNS and tail != word:
                shown.append(Row(tail=word))
            else:
                shown[-1] = Row(last.solid, tail)
        return tuple(row for row in shown if row.solid or row.tail)

    @staticmethod
    def _append(rows: deque[str], word: str) -> None:
        longer = f"{rows[-1]} {word}" if rows[-1] else word
        if len(longer) > COLUMNS and rows[-1]:
            rows.append(word)
        else:
            rows[-1] = longer

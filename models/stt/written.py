"""Heard words as people write them: capitals, commas and stops, numbers; as a stream that never takes back a word.

A word is written once the next is known, a number once it is complete ("twenty" is held until "five" or another word
comes). Names are capital by how books write them, stops are guessed from the neighbouring words and the pause. It
knows words and times, not how they were heard.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.stt.numerals import goes_on, numerals, starts
from models.stt.search import FRAME_S, Word
from models.stt.vocabulary import split_words
from models.tables import load_tables

__all__ = ["MARKS", "ROWS", "Context", "Habits", "Writer", "load_habits"]

WEIGHTS = Path(__file__).parents[1] / "weights" / "written.safetensors.xz"
MARKS = ("", ",", ".", "?")
ROWS = 1 << 18
LONGEST_NUMBER = 16  # words that a number may hold back
PAUSES = ((0.9, (0.0, 1.0, 3.0, 3.0)), (0.45, (0.0, 1.0, 1.2, 1.2)), (0.22, (0.0, 0.6, 0.2, 0.2)))  # seconds, for marks
TITLES = {
    **{"mister": "Mr.", "missus": "Mrs.", "doctor": "Dr.", "saint": "St.", "miss": "Miss", "captain": "Captain"},
    **{"colonel": "Colonel", "uncle": "Uncle", "aunt": "Aunt", "lord": "Lord", "lady": "Lady", "king": "King"},
    **{"queen": "Queen", "sir": "Sir", "president": "President", "professor": "Professor", "judge": "Judge"},
}
HANGING = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "and",
        "or",
        "but",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "in",
        "on",
        "at",
        "by",
        "for",
        "with",
        "from",
        "as",
        "is",
    ]
)


@dataclass(frozen=True, slots=True)
class Context:
    """What speaks for a mark behind `last`: the words around, the sentence's first two, words since the last mark."""

    before: str
    last: str
    following: str
    first: str
    second: str
    since: int

    def rows(self) -> list[int]:
        """The rows of the table that are added up."""
        words = (
            f"l {self.last}",
            f"n {self.following}",
            f"ln {self.last} {self.following}",
            f"bl {self.before} {self.last}",
            f"f {self.first}",
            f"fs {self.first} {self.second}",
            f"fn {self.first} {self.following}",
            f"s {min(self.since, 24)}",
        )
        return [zlib.crc32(word.encode()) % ROWS for word in words]


@dataclass(frozen=True)
class Habits:
    """How books write: `capitals` by lower-case word, and how much each row speaks for each of `MARKS`, `[ROWS, 4]`."""

    capitals: Mapping[str, str]
    marks: NDArray[np.float32]

    def scores(self, context: Context) -> NDArray[np.float32]:
        total: NDArray[np.float32] = self.marks[context.rows()].sum(0)
        return total


def load_habits(*, weights: Path = WEIGHTS) -> Habits:
    """The shipped ones."""
    arrays = load_tables(weights)
    names = arrays["capitals"].tobytes().decode().split("\n")
    marks = arrays["marks"].astype(np.float32) * arrays["marks_scale"].astype(np.float32)
    return Habits({name.lower(): name for name in names}, marks)


class Writer:
    """`push` words as they become final; every call gives the newly written ones, each with its times.

    Joined by spaces they are the text. `names` are spelled as given (hot words).
    """

    def __init__(self, habits: Habits, *, names: Sequence[str] = ()) -> None:
        self._habits = habits
        self._names = {word.lower(): word for name in names for word in split_words(name)}
        self._pending: list[Word] = []
        self._before = self._second_last = ""
        self._sentence: list[str] = []
        self._since = 0

    def push(self, words: Sequence[Word]) -> list[Word]:
        """What these words complete."""
        self._pending += words
        written: list[Word] = []
        while ready := self._ready():
            written += self._write(ready, self._pending[ready])
        return written

    def preview(self, words: Sequence[Word]) -> list[Word]:
        """How the held words and these would be written if nothing followed; changes nothing."""
        trial = copy.copy(self)
        trial._pending, trial._sentence = [*self._pending], [*self._sentence]
        return [*trial.push(words), *trial._write(len(trial._pending), None)]

    def finish(self) -> list[Word]:
        """The rest, with a full stop or question mark unless the sentence hangs in the air."""
        if not self._pending:
            return []
        *written, last = self._write(len(self._pending), None)
        if self._before in HANGING:
            return [*written, last]
        mark = self._end_mark()
        self._sentence, self._since = [], 0
        return [*written, replace(last, text=last.text if last.text.endswith(".") else last.text + mark)]

    def _end_mark(self) -> str:
        scores = self._habits.scores(self._context(""))
        return "?" if scores[3] > scores[2] else "."

    def _ready(self) -> int:
        """How many of the first pending words can be written now, the next word being known."""
        if len(self._pending) < 2:
            return 0
        if not starts(self._pending[0].text):
            return 1
        length = self._run_length()
        return length if length < len(self._pending) else 0

    def _run_length(self) -> int:
        texts = [word.text for word in self._pending[:LONGEST_NUMBER]]
        return next((n for n in range(1, len(texts)) if not goes_on(texts[:n], texts[n])), len(texts))

    def _write(self, count: int, following: Word | None) -> list[Word]:
        """The first `count` pending words, with a mark behind the last of them if `following` suggests one."""
        words, self._pending = self._pending[:count], self._pending[count:]
        written: list[Word] = []
        at = 0
        for used, text in numerals([word.text for word in words], before=self._before):
            part, rest = words[at : at + used], words[at + used :]
            at += used
            after = rest[0].text if rest else following.text if following else ""
            written.append(Word(self._cased(text, after), part[0].start, part[-1].end, min(w.confidence for w in part)))
            self._said([word.text for word in part])
        if written and following:
            written[-1] = self._marked(written[-1], following)
        return written

    def _said(self, words: Sequence[str]) -> None:
        self._sentence = [*self._sentence, *words][:2] if len(self._sentence) < 2 else self._sentence
        self._since += len(words)
        self._second_last, self._before = (words[-2] if len(words) > 1 else self._before), words[-1]

    def _context(self, following: str) -> Context:
        first, second = [*self._sentence, "", ""][:2]
        return Context(self._second_last, self._before, following, first, second, self._since)

    def _marked(self, word: Word, following: Word) -> Word:
        scores = self._habits.scores(self._context(following.text)).copy()
        pause_s = (following.start - word.end) * FRAME_S
        scores += next((gain for least, gain in PAUSES if pause_s >= least), (0.0,) * len(MARKS))
        mark = MARKS[int(scores.argmax())]
        if mark:
            self._since = 0
        if mark in (".", "?"):
            self._sentence = []
        return word if word.text.endswith(".") and mark in (".", "") else replace(word, text=word.text + mark)

    def _cased(self, text: str, following: str) -> str:
        cased = " ".join(self._form(word) for word in text.split(" "))
        if text in TITLES and self._form(following)[:1].isupper() and following:
            cased = TITLES[text]
        return cased if self._sentence else cased[:1].upper() + cased[1:]

    def _form(self, word: str) -> str:
        return self._names.get(word) or self._habits.capitals.get(word, word)

"""Timed words -> cues: what stands on a screen, from when to when, in one or two lines (pure).

Follows what subtitlers keep to: at most two lines of 42 characters, 1 to 7 s, no faster than 20 characters a second
where the speaker leaves time for it. Append-only, as its words are: a cue that was given out never changes. Knows no
file format.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Cue", "CueMaker", "Timed", "cues_of"]

LINE_CHARACTERS = 42
SHORTEST_S, LONGEST_S = 1.0, 7.0
CHARACTERS_A_SECOND = 20
PAUSE_S = 1.5  # after so long a silence the words before it leave the screen
SENTENCE_ENDS, CLAUSE_ENDS = (".", "?", "!", "…"), (",", ";", ":", "–")


class Timed(Protocol):
    """A word as it is written, and when it was said, in seconds."""

    @property
    def text(self) -> str: ...

    @property
    def start_s(self) -> float: ...

    @property
    def end_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Cue:
    """One or two lines on the screen from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class CueMaker:
    """Takes words as they are committed, gives cues as soon as they are full or over."""

    def __init__(self) -> None:
        self._words: list[Timed] = []
        self._free_from_s = 0.0  # when the cue before leaves the screen

    def push(self, words: Iterable[Timed], *, ends: bool) -> list[Cue]:
        """The cues that these words complete; `ends`: the speaker stopped after them."""
        cues: list[Cue] = []
        for word in words:
            if self._words and word.start_s - self._words[-1].end_s > PAUSE_S:
                cues.append(self._cut(len(self._words), before_s=word.start_s))
            self._words.append(word)
            while len(self._words) > 1 and not _fits(self._words):
                cues.append(self._cut(_best_cut(self._words)))
        if ends:
            cues += self.finish()
        return cues

    def finish(self) -> list[Cue]:
        """What is left."""
        return [self._cut(len(self._words))] if self._words else []

    def _cut(self, count: int, before_s: float | None = None) -> Cue:
        words, self._words = self._words[:count], self._words[count:]
        lines = _lines([word.text for word in words])
        start_s = max(words[0].start_s, self._free_from_s)
        readable_s = max(SHORTEST_S, sum(map(len, lines)) / CHARACTERS_A_SECOND)
        end_s = max(words[-1].end_s, min(start_s + readable_s, start_s + LONGEST_S))
        next_s = self._words[0].start_s if self._words else before_s
        if next_s is not None:
            end_s = max(start_s + 0.001, min(end_s, next_s))
        self._free_from_s = end_s
        return Cue(start_s, end_s, lines)


def cues_of(segments: Iterable[Sequence[Timed]]) -> list[Cue]:
    """All cues of finished segments."""
    maker = CueMaker()
    return [cue for words in segments for cue in maker.push(words, ends=True)]


def _fits(words: Sequence[Timed]) -> bool:
    if words[-1].end_s - words[0].start_s > LONGEST_S:
        return False
    lines = _lines([word.text for word in words])
    return len(lines) <= 2 and max(map(len, lines)) <= LINE_CHARACTERS


def _best_cut(words: Sequence[Timed]) -> int:
    """How many words go first: as many as fit, sooner after a sentence, a clause or a pause."""

    def worth(count: int) -> float:
        last, rest = words[count - 1], words[count]
        mark = 1.0 * last.text.endswith(SENTENCE_ENDS) + 0.5 * last.text.endswith(CLAUSE_ENDS)
        return mark + min(1.0, rest.start_s - last.end_s) + count / len(words)

    most = len(words) - 1
    return max(range(1, most + 1), key=worth)


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    """One line if it is short enough; else the two that are most alike in length."""
    whole = " ".join(texts)
    if len(whole) <= LINE_CHARACTERS or len(texts) == 1:
        return (whole,)
    pairs = [(" ".join(texts[:at]), " ".join(texts[at:])) for at in range(1, len(texts))]
    return min(pairs, key=lambda pair: max(map(len, pair)))

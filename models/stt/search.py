"""The search for words in a recogniser's log posteriors: incremental, with word times, confidence and a stable prefix.

A plain object of one session, in numpy; it runs within a time budget and narrows its beam when late. It knows neither
sound nor how words are written. `stable` counts the words that every surviving hypothesis shares: they are never
revised, because whatever disagrees with them has died.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.stt.beam import Beam, Scales, Width
from models.stt.language import Language
from models.stt.phones import BLANK, PHONES
from models.stt.vocabulary import Vocabulary

__all__ = ["FRAME_S", "Limits", "Scales", "Search", "Word"]

FRAME_S = 0.02
TAIL_MARGIN = 5.0  # a finished word may score so much worse than one under way and still be shown
NEWEST = 0.7  # share of the beam taken for a word that has only just ended
SETTLE_EVERY = 8  # frames
SETTLED_FRAMES = 10  # a word must have ended so long ago for others to speak against it
FLATTER = 0.25  # the scores' scale where hypotheses are weighed: frames depend on each other
CERTAIN = 9.0  # a blank so far above all phones needs no search
CERTAIN_FRAMES = 12  # after so many of them in a row, nothing is under way


@dataclass(frozen=True, slots=True)
class Word:
    """A word as in the lexicon, the frames of 20 ms that it fills (`end` is the first behind it), confidence 0 to 1."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Beam width; computing time per second of sound; frames after which the best hypothesis' words are kept."""

    tokens: int = 700
    score: float = 22.0
    phone: float = 11.0
    word_ends: int = 60
    budget: float = 0.15
    narrowest: int = 40
    commit_after: int = 48

    def width(self, narrowing: float) -> Width:
        tokens = max(int(self.tokens * narrowing), self.narrowest)
        return Width(tokens, self.score * math.sqrt(narrowing), self.phone, max(int(self.word_ends * narrowing), 10))


class Search:
    """Push frames, read `words`; `finish` ends the segment, after which the search is as new, at frame 0."""

    def __init__(
        self,
        language: Language,
        *,
        hot_words: Sequence[str] = (),
        limits: Limits | None = None,
        scales: Scales | None = None,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._vocabulary, self._limits = Vocabulary(language, hot_words), limits or Limits()
        self._scales, self._clock = scales or Scales(), clock
        self.budget = self._limits.budget  # may be changed at any time
        self._begin()

    def _begin(self) -> None:
        self._beam = Beam(self._vocabulary, self._scales)
        self._said: list[Word] = []
        self._now = self._certain = 0
        self._debt_s = 0.0

    @property
    def narrowing(self) -> float:
        """1 at full width; less when late."""
        return min(1.0, max(0.05, 1 - self._debt_s / 0.5))

    def push(self, frames: NDArray[np.float32]) -> None:
        """Scaled log posteriors `[T, 40]`, one row every 20 ms; raises ValueError for another shape."""
        if frames.ndim != 2 or frames.shape[1] != len(PHONES):
            raise ValueError(f"the search takes frames [T, {len(PHONES)}], not {list(frames.shape)}")
        for frame in frames:
            began = self._clock()
            self._hear(np.asarray(frame, np.float32))
            if self._now % SETTLE_EVERY == 0:
                self._settle()
            self._debt_s = max(0.0, self._debt_s + self._clock() - began - self.budget * FRAME_S)

    def _hear(self, frame: NDArray[np.float32]) -> None:
        above = frame[BLANK] - frame[BLANK + 1 :].max()
        self._certain = self._certain + 1 if above > CERTAIN else 0
        if self._certain <= CERTAIN_FRAMES:
            self._beam.step(frame, self._now, self._limits.width(self.narrowing))
        self._now += 1

    def _settle(self) -> None:
        """Drops what contradicts the best hypothesis' old words, and moves what all share into `_said`."""
        beam, trace = self._beam, self._beam.trace
        leader = int(beam.tokens.trace[beam.tokens.score.argmax()])
        self._weigh(trace.path(leader))
        old = [e for e in trace.path(leader) if trace.end[e] <= self._now - self._limits.commit_after]
        if old:
            depth = int(trace.depth[old[-1]])
            beam.tokens = beam.tokens.take(np.flatnonzero(trace.lifted(beam.tokens.trace, depth) == old[-1]))
        shared = trace.shared(beam.tokens.trace)
        self._said += [self._word(e) for e in trace.path(shared)]
        beam.tokens = beam.tokens._replace(
            trace=trace.keep(beam.tokens.trace, shared), score=beam.tokens.score - beam.tokens.score.max()
        )

    def _weigh(self, path: list[int]) -> None:
        """How much of the beam agrees with the words that ended a while ago."""
        tokens, trace = self._beam.tokens, self._beam.trace
        settled = [entry for entry in path if trace.end[entry] <= self._now - SETTLED_FRAMES]
        weight = np.exp((tokens.score - tokens.score.max()) * np.float32(FLATTER))
        trace.weigh(settled, tokens.trace, weight)

    def _word(self, entry: int) -> Word:
        t = self._beam.trace
        start, end = int(t.start[entry]), int(t.end[entry])
        sure = confidence(float(t.missed[entry]) / max(end - start, 1), float(t.share[entry]))
        return Word(self._vocabulary.words[t.word[entry]], start, end, sure)

    @property
    def stable(self) -> int:
        """How many of the leading words are final."""
        return len(self._said)

    @property
    def words(self) -> list[Word]:
        """The best hypothesis so far; a word counts once its last phone is heard."""
        score = self._beam.tokens.score
        best, words = self._complete()
        return words if best > float(score.max()) - TAIL_MARGIN else self._path(int(score.argmax()))

    def finish(self) -> list[Word]:
        """The end of the segment: its words, all final. A word cut short is left out."""
        best, words = self._complete()
        words = words if best > -math.inf else self._path(int(self._beam.tokens.score.argmax()))
        self._begin()
        return words

    def _complete(self) -> tuple[float, list[Word]]:
        """The best hypothesis with no word under way, and its score."""
        beam, tokens = self._beam, self._beam.tokens
        between = np.where(tokens.node == 0, tokens.score, -np.inf)
        rested = int(between.argmax())
        ended = beam.ended(tokens, self._limits.word_ends)
        if not len(ended.score) or between[rested] >= ended.score.max():
            return float(between[rested]), self._path(rested)
        i = int(ended.score.argmax())
        token = int(ended.source[i])
        born = int(tokens.born[token])
        sure = confidence(float(tokens.missed[token]) / max(self._now - born, 1), NEWEST)
        last = Word(self._vocabulary.words[ended.word[i]], born, self._now, sure)
        return float(ended.score[i]), [*self._path(token), last]

    def _path(self, token: int) -> list[Word]:
        return [*self._said, *map(self._word, self._beam.trace.path(int(self._beam.tokens.trace[token])))]


def confidence(missed: float, share: float) -> float:
    """Chance that a word is right, fitted on held-back recordings.

    Args:
        missed: how far its phones stay below the best phones, a frame.
        share: of the beam that agreed with it.
    """
    share = min(max(share, 0.01), 0.99)
    return 1 / (1 + math.exp(-(0.45 + 1.2 * missed) - 0.4 * math.log(share / (1 - share))))

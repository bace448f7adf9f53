"""An n-gram language model in flat arrays, scored for many hypotheses at once.

Each order's entries lie sorted by context, so that an n-gram is found by bisection; log probabilities and backoffs are
8-bit codes into a table of 256 values. Words are numbers here: what they say is the lexicon's. Backing off follows
Katz's scheme as ARPA files use it; states are the shortest contexts that tell futures apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Level", "NGram"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """The entries of one order: `keys` are context entry x vocabulary + word, ascending; the rest is by entry."""

    keys: Ints
    score: Floats
    backoff: Floats
    fertile: NDArray[np.bool_]
    shorter: Ints

    def find(self, keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Where the keys are, and whether they are there at all."""
        at = np.minimum(self.keys.searchsorted(keys), len(self.keys) - 1)
        return at, self.keys[at] == keys


class NGram:
    """`score` and `advance` for states `[N]` and words `[N]`; state 0 is the empty context.

    A state is a number: entries of the first order come first, then those of the second and so on, all plus one.
    """

    empty = 0

    def __init__(self, levels: list[Level]) -> None:
        self.words = len(levels[0].score)
        self.levels = levels
        self.order = len(levels)
        self.unigram = levels[0].score
        sizes = [len(level.score) for level in levels[:-1]]
        self.offsets = [1 + sum(sizes[:n]) for n in range(self.order)]  # of the states whose context is n + 1 words
        self._backoff = np.concatenate([np.zeros(1, np.float32), *(level.backoff for level in levels[:-1])])
        self._shorter = np.concatenate([np.zeros(1, np.int64), *(level.shorter for level in levels[:-1])])
        self._last = np.concatenate([np.zeros(1, np.int64), *(level.keys % self.words for level in levels[:-1])])
        self.states = len(self._last)
        self._fertile = np.concatenate([np.ones(1, np.bool_), *(level.fertile for level in levels[:-1])])

    def score(self, states: Ints, words: Ints) -> Floats:
        """Natural log of the probability of each word in its state: `[N]`."""
        total = np.zeros(len(states), np.float32)
        open_, at = np.arange(len(states)), states
        for n in range(self.order - 1, 0, -1):
            chosen = np.flatnonzero(at >= self.offsets[n - 1])
            if not len(chosen):
                continue
            where, context = open_[chosen], at[chosen]
            found, hit = self.levels[n].find((context - self.offsets[n - 1]) * self.words + words[where])
            total[where] += np.where(hit, self.levels[n].score[found], self._backoff[context])
            at = at.copy()
            at[chosen] = self._shorter[context]
            left = np.ones(len(at), np.bool_)
            left[chosen[hit]] = False
            open_, at = open_[left], at[left]
        total[open_] += self.unigram[words[open_]]
        return total

    def advance(self, states: Ints, words: Ints) -> Ints:
        """The state after each word: `[N]`."""
        out = np.where(self._fertile[1 + words], 1 + words, self.empty)
        todo, at = np.arange(len(states)), states
        for n in range(self.order - 2, 0, -1):
            at = np.where(at >= self.offsets[n], self._shorter[at], at)
            chosen = np.flatnonzero(at >= self.offsets[n - 1])
            found, hit = self.levels[n].find((at[chosen] - self.offsets[n - 1]) * self.words + words[todo[chosen]])
            hit &= self.levels[n].fertile[found]
            out[todo[chosen[hit]]] = self.offsets[n] + found[hit]
            left = np.ones(len(at), np.bool_)
            left[chosen[hit]] = False
            todo, at = todo[left], at[left]
        return out

    def last_word(self, states: Ints) -> Ints:
        """The newest word of each state's context; 0 for the empty one."""
        return self._last[states]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """What `from_arrays` reads: compact arrays, 8 bits a score."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for n, level in enumerate(self.levels, 1):
            arrays[f"ngram.{n}.score"], arrays[f"ngram.{n}.score_table"] = _coded(level.score)
            if n > 1:
                arrays[f"ngram.{n}.word"] = (level.keys % self.words).astype(np.uint16)
                followers = np.bincount(level.keys // self.words, minlength=len(self.levels[n - 2].score))
                arrays[f"ngram.{n}.followers"] = followers.astype(np.uint16)
            if n < self.order:
                arrays[f"ngram.{n}.backoff"], arrays[f"ngram.{n}.backoff_table"] = _coded(level.backoff)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> NGram:
        order = max(int(name.split(".")[1]) for name in arrays if name.startswith("ngram."))
        words = len(arrays["ngram.1.score"])
        keys = [np.arange(words)]
        for n in range(2, order + 1):
            contexts = np.repeat(np.arange(len(keys[-1])), arrays[f"ngram.{n}.followers"].astype(np.int64))
            keys.append(contexts * words + arrays[f"ngram.{n}.word"].astype(np.int64))
        scores = [_decoded(arrays, f"ngram.{n}.score") for n in range(1, order + 1)]
        backoffs = [_decoded(arrays, f"ngram.{n}.backoff") for n in range(1, order)]
        return cls(link(keys, scores, [*backoffs, np.zeros(0, np.float32)]))


def link(keys: list[Ints], scores: list[Floats], backoffs: list[Floats]) -> list[Level]:
    """Levels from their keys and scores: finds which entries have followers, and the state to back off to."""
    words, levels = len(keys[0]), list[Level]()
    offsets = [1 + sum(len(k) for k in keys[:n]) for n in range(len(keys))]
    suffixes = [np.full(words, -1)]  # the entry of an n-gram less its first word, in the order below
    for n in range(1, len(keys) - 1):
        context, word = np.divmod(keys[n], words)
        if n == 1:
            suffixes.append(word)
        else:
            suffixes.append(keys[n - 1].searchsorted(suffixes[n - 1][context] * words + word))
    for n, key in enumerate(keys[:-1]):
        fertile = np.zeros(len(key), np.bool_)
        fertile[keys[n + 1] // words] = True
        shorter = np.zeros(len(key), np.int64)
        if n:
            below = levels[n - 1]
            shorter = np.where(below.fertile[suffixes[n]], offsets[n - 1] + suffixes[n], below.shorter[suffixes[n]])
        levels.append(Level(key, scores[n], backoffs[n], fertile, shorter))
    none = np.zeros(0, np.int64)
    return [*levels, Level(keys[-1], scores[-1], np.zeros(0, np.float32), none.astype(np.bool_), none)]


def _coded(values: Floats) -> tuple[NDArray[np.uint8], Floats]:
    """8-bit codes and their table: half the edges follow how often values occur, half lie evenly over their range."""
    common = np.quantile(values, np.linspace(0, 1, 129)[1:-1], method="nearest")
    edges = np.unique(np.concatenate([common, np.linspace(values.min(), values.max(), 128)]))
    codes = np.searchsorted(edges, values, side="right").astype(np.uint8)
    sums = np.bincount(codes, values, minlength=256)
    table = sums / np.maximum(np.bincount(codes, minlength=256), 1)
    return codes, table.astype(np.float32)


def _decoded(arrays: Mapping[str, NDArray[np.generic]], name: str) -> Floats:
    table: Floats = arrays[f"{name}_table"].astype(np.float32)
    return table[arrays[name].astype(np.int64)]

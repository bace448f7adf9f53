"""The words that one search listens for: the language's, and hot words given by the user with better odds.

A hot word that the lexicon lacks gets a number behind the lexicon's and a pronunciation by its letters; one of several
words is heard better once its first words were. It knows no sound and no beam.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.pronounce import pronounce, spelled_out
from models.stt.language import Language
from models.stt.lexicon import SENTENCE_START, build_tree
from models.stt.numbers import spell
from models.stt.phones import INDEX

__all__ = ["Vocabulary", "split_words"]

UNHEARD = -12.0  # log probability of a word that no text had
BONUS = 5.0  # for a hot word that is rare
NEXT_BONUS = 4.0  # for the next word of a phrase
RARE = -8.0
MOST = 500  # hot words

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def split_words(phrase: str) -> list[str]:
    """The words of a written phrase, as the user spells them; numbers become words."""
    parts = re.findall(r"[£$€]?[\d][\d.,]*[\w%]*|[^\W\d_][\w']*", phrase)
    return [word for part in parts for word in (spell(part.rstrip(".,")) or [part])]


class Vocabulary:
    """Word scores and states as the n-gram has them, with the hot words'; raises ValueError for over 500 of these."""

    def __init__(self, language: Language, hot_words: Sequence[str] = ()) -> None:
        if len(hot_words) > MOST:
            raise ValueError(f"{len(hot_words)} hot words; {MOST} is the most: give those that matter")
        self._ngram, lexicon = language.ngram, language.lexicon
        self.start = int(self._ngram.advance(np.array([self._ngram.empty]), np.array([SENTENCE_START]))[0])
        phrases = [split_words(phrase) for phrase in hot_words]
        spelling = {word.lower(): word for phrase in phrases for word in phrase}
        unknown = [word for word in spelling if word not in lexicon.index]
        self.words = [*lexicon.words, *unknown]
        self._known, self._states = len(lexicon.words), self._ngram.states
        index = {**{w: lexicon.index[w] for w in spelling if w in lexicon.index}}
        index |= {word: self._known + i for i, word in enumerate(unknown)}
        chance = np.concatenate([self._ngram.unigram, np.full(len(unknown), UNHEARD, np.float32)])
        hot = np.array(sorted(index.values()), np.int64)
        self._bonus = np.zeros(len(self.words), np.float32)
        self._bonus[hot] = np.where(chance[hot] < RARE, np.float32(BONUS), np.float32(0))
        following = ((index[a.lower()], index[b.lower()]) for words in phrases for a, b in pairwise(words))
        self._pairs = np.array(sorted({a * len(self.words) + b for a, b in following}), np.int64)
        self.tree = language.tree
        if spelling:
            ways = [(index[word], way) for word in unknown for way in _ways(spelling[word])]
            said = np.concatenate([lexicon.said_word, np.array([number for number, _ in ways], np.int64)])
            self.tree = build_tree([*lexicon.said, *(way for _, way in ways)], said, (chance + self._bonus)[said])

    def score(self, states: Ints, words: Ints) -> Floats:
        """Log probability of each word in its state, hot words' odds raised: `[N]`."""
        known = np.minimum(words, self._known - 1)
        score = self._ngram.score(np.where(states < self._states, states, self._ngram.empty), known)
        if not self._bonus.any() and not len(self._pairs):
            return score
        score = np.where(words < self._known, score, np.float32(UNHEARD)) + self._bonus[words]
        pair = self._last_word(states) * len(self.words) + words
        return (score + np.float32(NEXT_BONUS) * np.isin(pair, self._pairs)).astype(np.float32)

    def _last_word(self, states: Ints) -> Ints:
        inside = states < self._states
        return np.where(inside, self._ngram.last_word(np.where(inside, states, 0)), states - self._states + self._known)

    def advance(self, states: Ints, words: Ints) -> Ints:
        """The state after each word; words that the n-gram lacks have states of their own."""
        before = np.where(states < self._states, states, self._ngram.empty)
        after = self._ngram.advance(before, np.minimum(words, self._known - 1))
        return np.where(words < self._known, after, words - self._known + self._states)


def _ways(word: str) -> list[bytes]:
    """How a word that the lexicon lacks may be said; capitals may be read letter by letter."""
    ways = [pronounce(word.lower())]
    if word.isupper() and len(word) <= 6:
        ways.append(spelled_out(word))
    return [bytes(INDEX[phone] for phone in way) for way in ways if way]

"""How a word that no dictionary has is pronounced, by its letters: ARPAbet phones without stress.

Letters and the none, one or two phones that each stands for are pairs; an n-gram over the pairs (joint-sequence
models: Bisani and Ney, 2008) finds the likeliest chain for a spelling. It knows nothing of dictionaries or of sound.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from models.stt.ngram import NGram
from models.tables import load_tables

__all__ = ["BEGIN", "END", "MARKS", "PairModel", "load_pairs", "pronounce", "spelled_out"]

WEIGHTS = Path(__file__).parent / "weights" / "pronounce.safetensors.xz"
MARKS = ("<", ">")  # the pairs that begin and end a word
BEGIN, END = range(2)
HYPOTHESES = 24
LONGEST = 40

LETTERS = {
    **{"a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH"},
    **{"i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY"},
    **{"q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B AH L Y UW"},
    **{"x": "EH K S", "y": "W AY", "z": "Z IY"},
}


class PairModel:
    """`pairs[i]` is a letter and its phones, `"x:K S"`; the first two are the word's begin and end."""

    def __init__(self, pairs: list[str], ngram: NGram) -> None:
        self.pairs, self.ngram = pairs, ngram
        self._of = {letter: self._starting(letter) for letter in {pair[0] for pair in pairs[len(MARKS) :]}}

    def _starting(self, letter: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([i for i, pair in enumerate(self.pairs) if i >= len(MARKS) and pair[0] == letter])

    def phones(self, letters: str) -> list[str]:
        """The likeliest phones; letters that no pair has are passed over."""
        state = self.ngram.advance(np.array([self.ngram.empty]), np.array([BEGIN]))
        score, chains = np.zeros(1), [list[int]()]
        for letter in letters:
            if letter not in self._of:
                continue
            choice = self._of[letter]
            source, pair = np.repeat(np.arange(len(state)), len(choice)), np.tile(choice, len(state))
            total = score[source] + self.ngram.score(state[source], pair)
            best = np.argsort(-total)[:HYPOTHESES]
            source, pair, score = source[best], pair[best], total[best]
            state = self.ngram.advance(state[source], pair)
            chains = [[*chains[s], p] for s, p in zip(source.tolist(), pair.tolist(), strict=True)]
        score = score + self.ngram.score(state, np.full(len(state), END))
        return [phone for pair in chains[int(score.argmax())] for phone in self.pairs[pair][2:].split()]


def spelled_out(word: str) -> list[str]:
    """The names of the letters: `OBS` -> OW B IY EH S."""
    return [phone for letter in word.lower() if letter in LETTERS for phone in LETTERS[letter].split()]


@cache
def load_pairs(*, weights: Path = WEIGHTS) -> PairModel:
    """The shipped model."""
    arrays = load_tables(weights)
    return PairModel(arrays["pairs"].tobytes().decode().split("\n"), NGram.from_arrays(arrays))


def pronounce(word: str) -> list[str]:
    """Phones of a word, empty if it has no letters; a word without vowels is spelled out."""
    letters = word.lower()[:LONGEST]
    if not any(letter in "aeiouy" for letter in letters):
        return spelled_out(letters)
    return load_pairs().phones(letters)

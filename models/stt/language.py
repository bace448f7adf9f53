"""What the search knows of English: the lexicon and the n-gram, loaded once a process from the shipped file.

It joins the two; the arrays' layout is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.stt.lexicon import Lexicon, Tree, build_tree
from models.stt.ngram import NGram
from models.tables import load_tables

__all__ = ["WEIGHTS", "Language", "load_language"]

WEIGHTS = Path(__file__).parents[1] / "weights" / "language.safetensors.xz"


@dataclass(frozen=True)
class Language:
    """A lexicon and the probabilities of its words; word numbers mean the same in both."""

    lexicon: Lexicon
    ngram: NGram

    @cached_property
    def tree(self) -> Tree:
        words = self.lexicon.said_word
        return build_tree(self.lexicon.said, words, self.ngram.unigram[words])


def load_language(*, weights: Path = WEIGHTS) -> Language:
    """The shipped language; takes about a second, so keep it."""
    arrays = load_tables(weights)
    return Language(Lexicon.from_arrays(arrays), NGram.from_arrays(arrays))

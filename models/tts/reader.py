"""The front end of the voice: text in pieces of any size -> clauses of readings, each as soon as its end is certain.

Composes clauses, wording and pronouncing; how it all sounds is `voice.py`'s.
"""

from __future__ import annotations

from models.tts.clauses import Clauses, Written
from models.tts.lexicon import Lexicon
from models.tts.marks import Token
from models.tts.pronouncing import phones_of, said
from models.tts.types import Clause, Reading
from models.tts.wording import Wording, wording

__all__ = ["Reader"]

SHOUTED_WORDS = 3  # so many in capitals, and most of a clause, are words rather than acronyms
LONGEST_REPORTED = 80


class Reader:
    """`push` text as it comes, `flush` at its end; both give the clauses that are complete.

    What cannot be said (other scripts, tags, control characters) is in `Clause.unspoken`; a clause of nothing else has
    no words. Never raises, whatever the text.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self._lexicon = lexicon or Lexicon()
        self._clauses = Clauses()

    def push(self, text: str) -> list[Clause]:
        return [self._read(clause) for clause in self._clauses.push(text)]

    def flush(self) -> list[Clause]:
        return [self._read(clause) for clause in self._clauses.flush()]

    def _read(self, clause: Written) -> Clause:
        texts = _calmed([token.text for token in clause.tokens])
        around = ["", *texts, ""]
        wordings = [self._wording(around[i - 1 : i + 2]) for i in range(1, len(around) - 1)]
        flat = [word for worded in wordings for word in worded.words]
        phones = iter(self._said(flat))
        words = []
        for token, worded in zip(clause.tokens, wordings, strict=True):
            ways = [next(phones) for _ in worded.words]
            words += [_reading(token, tuple(phone for way in ways for phone in way))] if any(ways) else []
        unspoken = [*clause.tags, *(piece for worded in wordings for piece in worded.unspoken)]
        seen = tuple(piece[:LONGEST_REPORTED] for piece in dict.fromkeys(unspoken))
        return Clause(clause.text, clause.begin, tuple(words), clause.pause, seen)

    def _wording(self, around: list[str]) -> Wording:
        before, text, after = around
        return Wording((text.lower(),)) if text in self._lexicon else wording(text, before=before, after=after)

    def _said(self, words: list[str]) -> list[tuple[str, ...]]:
        return [self._own(word) or way for word, way in zip(words, said(words), strict=True)]

    def _own(self, word: str) -> tuple[str, ...]:
        """The user's phones for a word, if there are any."""
        if word in self._lexicon.phones:
            return self._lexicon.phones[word]
        alike = self._lexicon.alike.get(word, "")
        worded = [w for piece in alike.split() for w in wording(piece).words]
        return tuple(phone for w in worded for phone in phones_of(w))


def _reading(token: Token, phones: tuple[str, ...]) -> Reading:
    return Reading(token.text, token.begin, token.end, phones)


def _calmed(texts: list[str]) -> list[str]:
    """Lower case if nearly all is in capitals: that is shouting, not acronyms."""
    letters = [text for text in texts if text.isalpha() and len(text) > 1]
    capitals = [text for text in letters if text.isupper()]
    shouted = len(capitals) >= SHOUTED_WORDS and len(capitals) > 0.7 * len(letters)
    return [text.lower() if shouted else text for text in texts]

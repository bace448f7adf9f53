"""CMUdict with its stress, packed, and where stress falls in a word that it lacks.

The file is LZMA of three parts, NUL between them: the words, one a line; for each its phones, a byte a phone; and rules
of stress, each a count of vowels, the last letters of a word and a stress digit a vowel. Knows nothing of sentences.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.stt.phones import PHONES

__all__ = ["STRESSED", "SUFFIX", "Dictionary", "load_dictionary"]

WEIGHTS = Path(__file__).parent.parent / "weights" / "dictionary.xz"
VOWELS = {"AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"}
STRESSED = (
    *(phone for phone in PHONES[1:] if phone not in VOWELS),
    *(phone + stress for phone in PHONES[1:] if phone in VOWELS for stress in "012"),
)  # the phones of a `Reading`: 24 consonants, and 15 vowels with each stress
SUFFIX = 4  # letters that a rule of stress looks at
FIRST = ord("0")  # the byte of STRESSED[0]
NUMBER = {phone: FIRST + i for i, phone in enumerate(STRESSED)}

Phones = tuple[str, ...]


@dataclass(frozen=True)
class Dictionary:
    """`said[word]`: a byte a phone; `stress[vowels, last letters]`: a digit a vowel."""

    said: Mapping[bytes, bytes]
    stress: Mapping[tuple[int, str], str]

    def __contains__(self, word: str) -> bool:
        return word.encode() in self.said

    def phones(self, word: str) -> Phones | None:
        """How a word in lower case is said, stress included; None for a word it does not have."""
        said = self.said.get(word.encode())
        return None if said is None else tuple(STRESSED[byte - FIRST] for byte in said)

    def stressed(self, word: str, phones: Sequence[str]) -> Phones:
        """The phones of a word, which have no stress, with it: as in most words that end alike."""
        digits = iter(self._pattern(word, sum(phone in VOWELS for phone in phones)))
        return tuple(phone + next(digits) if phone in VOWELS else phone for phone in phones)

    def _pattern(self, word: str, vowels: int) -> str:
        found = (self.stress.get((vowels, word[-n:] if n else "")) for n in range(SUFFIX, -1, -1))
        return next((pattern for pattern in found if pattern), "1".ljust(vowels, "0"))

    def packed(self) -> bytes:
        words = sorted(self.said)
        rules = (f"{vowels}{ending} {pattern}" for (vowels, ending), pattern in sorted(self.stress.items()))
        parts = b"\n".join(words), b"\n".join(self.said[word] for word in words), "\n".join(rules).encode()
        return lzma.compress(b"\0".join(parts), preset=9 | lzma.PRESET_EXTREME)

    @classmethod
    def unpacked(cls, packed: bytes) -> Dictionary:
        words, said, rules = (part.split(b"\n") for part in lzma.decompress(packed).split(b"\0"))
        stress = {}
        for rule in rules:
            ending, pattern = rule.decode().split(" ")
            stress[len(pattern), ending.lstrip("0123456789")] = pattern
        return cls(dict(zip(words, said, strict=True)), stress)

    @classmethod
    def of(cls, words: Iterable[tuple[str, Sequence[str]]], stress: Mapping[tuple[int, str], str]) -> Dictionary:
        return cls({word.encode(): bytes(NUMBER[phone] for phone in phones) for word, phones in words}, stress)


@cache
def load_dictionary() -> Dictionary:
    """The shipped one: a fifth of a second, once."""
    return Dictionary.unpacked(WEIGHTS.read_bytes())

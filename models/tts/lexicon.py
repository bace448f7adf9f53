"""A user's own pronunciations: a word, and its phones or a spelling that sounds like it.

    nginx    engine x
    Nguyen   W IH1 N
    OBS      O B S          # letters with spaces are spelled

One word a line, `#` begins a remark. Case does not matter in the word. It knows no rules of speech.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.tts.dictionary import STRESSED, VOWELS

__all__ = ["Lexicon", "parse_lexicon"]

MOST_ENTRIES = 10_000
LONGEST = 200  # characters of an entry
PHONES = frozenset(STRESSED)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """`phones[word]` or `alike[word]`, words in lower case."""

    phones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, word: str) -> bool:
        return word.lower() in self.phones or word.lower() in self.alike


def parse_lexicon(text: str) -> Lexicon:
    """A lexicon from its lines.

    Raises:
        ValueError: a line that is no entry, or too many of them; the text says which line and what it should be.
    """
    phones: dict[str, tuple[str, ...]] = {}
    alike: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        word, _, said = line.split("#")[0].strip().partition(" " if "\t" not in line else "\t")
        said = said.strip().lstrip("=").strip()
        if not word:
            continue
        if not said or len(line) > LONGEST:
            raise ValueError(f"lexicon, line {number}: a word, a space, and how it is said, as in: nginx engine x")
        if len(phones) + len(alike) >= MOST_ENTRIES:
            raise ValueError(f"lexicon, line {number}: more than {MOST_ENTRIES} entries")
        _enter(word.lower(), said, phones, alike)
    return Lexicon(phones, alike)


def _enter(word: str, said: str, phones: dict[str, tuple[str, ...]], alike: dict[str, str]) -> None:
    """Phones if every part is one and a vowel is among them; otherwise a spelling."""
    parts = said.split()
    full = _stressed(parts)
    if full and any(part[-1].isdigit() for part in full) and len("".join(parts)) > len(parts):
        phones[word] = full
    else:
        alike[word] = said


def _stressed(parts: list[str]) -> tuple[str, ...] | None:
    """The parts as phones; the first vowel has the stress where none is given."""
    first = not any(part[-1:] == "1" for part in parts)
    full = []
    for part in parts:
        if part in VOWELS:
            part, first = part + ("1" if first else "0"), False
        if part not in PHONES:
            return None
        full.append(part)
    return tuple(full)

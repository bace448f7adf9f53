"""How words are said: the user's lexicon, words said in two ways, the dictionary, and what is built from its words.

What is left, by its letters (`models/pronounce.py`) with a guess at the stress. It knows words, not sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from models.pronounce import pronounce
from models.tts.dictionary import Dictionary, load_dictionary
from models.tts.heteronyms import heteronym

__all__ = ["phones_of", "said"]

Phones = tuple[str, ...]
HISSING = ("S", "Z", "SH", "ZH", "CH", "JH")
VOICELESS = ("P", "T", "K", "F", "TH")
SHORTEST_PART = 3  # letters of a word that a longer one is made of
REMEMBERED = 4096


def said(words: Sequence[str], *, before: str = "", after: str = "") -> list[Phones]:
    """The phones of each word; `before` and `after` are the words around them."""
    around = [before, *words, after]
    found: list[Phones] = []
    following: Phones = phones_of(after) if after else ()
    for i in range(len(words), 0, -1):
        following = heteronym(around[i], before=around[i - 1], following=following, after=around[i + 1]) or phones_of(
            around[i]
        )
        found.append(following)
    return found[::-1]


@lru_cache(REMEMBERED)
def phones_of(word: str) -> Phones:
    """How one word is said by itself; a capital letter is named. Empty if it has no letters."""
    dictionary = load_dictionary()
    if word[:1].isupper():
        return (dictionary.phones(f"{word[0].lower()}.") or ()) + (("Z",) if word[1:] == "s" else ())
    return _found(word, dictionary) or _guessed(word.strip("'"), dictionary)


def _found(word: str, dictionary: Dictionary) -> Phones | None:
    bare = word.strip("'")
    return dictionary.phones(word) or dictionary.phones(bare) or _ended(bare, dictionary) or _joined(bare, dictionary)


def _ended(word: str, dictionary: Dictionary) -> Phones | None:
    """A known word and an ending: streamers, captioned, dubbing, Limelight's."""
    for ending, add in (("'s", _plural), ("s'", _plural), ("es", _plural), ("s", _plural), ("ed", _past)):
        if word.endswith(ending) and (stem := _stem(word, ending, dictionary)):
            return add(stem)
    for ending, more in (("ing", ("IH0", "NG")), ("ers", ("ER0", "Z")), ("er", ("ER0",)), ("ly", ("L", "IY0"))):
        if word.endswith(ending) and (stem := _stem(word, ending, dictionary)):
            return stem + more
    return None


def _stem(word: str, ending: str, dictionary: Dictionary) -> Phones | None:
    stem = word.removesuffix(ending)
    if len(stem) < SHORTEST_PART:
        return None
    single = stem[:-1] if stem[-1] == stem[-2] else stem
    forms = (stem,) if ending in ("'s", "s'", "s", "ly") else (stem, f"{stem}e", single)
    return next((phones for form in forms if (phones := dictionary.phones(form))), None)


def _plural(stem: Phones) -> Phones:
    if stem[-1] in HISSING:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in VOICELESS else "Z")


def _past(stem: Phones) -> Phones:
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in (*VOICELESS, "S", "SH", "CH") else "D")


def _joined(word: str, dictionary: Dictionary) -> Phones | None:
    """Two known words in one, the second with less stress: livestream, voiceover."""
    for at in range(len(word) - SHORTEST_PART, SHORTEST_PART, -1):
        first, second = dictionary.phones(word[:at]), dictionary.phones(word[at:])
        if first and second and min(at, len(word) - at) > SHORTEST_PART:
            return first + tuple(phone.replace("1", "2") for phone in second)
    return None


def _guessed(word: str, dictionary: Dictionary) -> Phones:
    letters = "".join(c for c in word if c.isascii() and c.isalpha())
    return dictionary.stressed(letters, pronounce(letters)) if letters else ()

"""Which words one says for a piece of text between spaces: abbreviations, acronyms, addresses, emoji, signs.

`$5` -> five dollars, `a@b.org` -> A at B dot org. A capital letter among the words stands for its own name. Figures are
`amounts.py`'s, how words sound `pronouncing.py`'s.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from models.stt.numbers import SCALES, cardinal, ordinal
from models.tts.amounts import amount, digits, figures, model_number, singular
from models.tts.dictionary import load_dictionary
from models.tts.symbols import (
    ABBREVIATIONS,
    CURRENCIES,
    DOMAINS,
    ENDING,
    FOLDED,
    FRACTIONS,
    GREEK,
    NEVER_LAST,
    SIGNS,
    SPELLED,
    UNITS,
    WORDS_IN_CAPITALS,
    words,
)

__all__ = ["Wording", "is_address", "wording"]

ADDRESS = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:[\w-]+\.)+([a-z]{2,6})(?:/\S*)?", re.IGNORECASE
)
PIECES = re.compile(r"[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z']+|[A-Z](?![a-z])|\d[\d,]*(?:\.\d+)?|[^\W\d_]+|\W|_")
ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
NUMBERED = words("chapter part war volume act scene type phase section class book version mark level step")
NO_UNITS = frozenset({"in", "ma", "x"})  # a space behind a figure, they are words
SILENT = frozenset("-_/'\"()[]{}|*`:;,.?!…<>«»“”‘’„•·~^\\¿¡—–\u200b\u200c\u200d\ufeff\ufe0f\ufe0e")
EMOJI_WORDS = 4
MOST_ADDRESS_WORDS = 32
Words = list[str]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said for a piece of text, and what of it cannot be said."""

    words: tuple[str, ...]
    unspoken: tuple[str, ...] = ()


def is_address(text: str) -> bool:
    """Whether this is a web or mail address."""
    found = ADDRESS.fullmatch(text)
    return found is not None and (found[1] is None or found[1].lower() in DOMAINS)


def wording(text: str, *, before: str = "", after: str = "") -> Wording:
    """The words for `text`, which stands between `before` and `after`."""
    text = text.translate(FOLDED)
    known = _known(text, before, after)
    if known is not None:
        return Wording(tuple(known))
    words, unspoken = Words(), list[str]()
    for last, piece in pairwise(["", *_pieces(text)]):
        if piece == last and not piece.isalnum():  # a row of one emoji is said once
            continue
        behind_letters = last.isalpha() and piece.isdecimal()
        said = model_number(piece) if behind_letters else _said(piece, alone=piece == text)
        words += said or []
        if said is None:
            unspoken.append(piece)
    return Wording(tuple(words), tuple(unspoken))


def _known(text: str, before: str, after: str) -> Words | None:
    """What is said for it as a whole, if it is one thing."""
    lower = text.lower()
    short = _abbreviated(lower, before, after)
    if short is not None:
        return short.split()
    if lower in UNITS and lower not in NO_UNITS and before[-1:].isdecimal():
        return _unit(lower, before)
    if lower in SCALES and (found := re.match(rf"[-−]?([{''.join(CURRENCIES)}])\d", before)):
        return [lower, CURRENCIES[found[1]][0].removesuffix("s") + ("" if found[1] in "¥₩" else "s")]
    if is_address(text):
        return _address(text)
    if any(c.isdecimal() for c in text) or text[-1:] in FRACTIONS:
        return amount(text, before=before, after=after) or _hashed(text)
    if text == "A" and before:
        return ["A"]
    return _roman(text, before) if len(text) > 1 and ROMAN.fullmatch(text) else None


def _abbreviated(lower: str, before: str, after: str) -> str | None:
    if lower == "no." and not any(c.isdecimal() for c in after):
        return "no"
    if lower == "st." and not after[:1].isupper():
        return "street"
    if lower == "dr." and before and not after[:1].isupper():
        return "drive"
    if lower == "ft." and before[-1:].isdecimal():
        return "feet"
    return ABBREVIATIONS.get(lower) or NEVER_LAST.get(lower) or ENDING.get(lower)


def _unit(lower: str, before: str) -> Words:
    said = UNITS[lower]
    return (singular(said) if before == "1" else said).split()


def _hashed(text: str) -> Words | None:
    """`#5` -> number five."""
    found = re.fullmatch(r"#(\d+)", text)
    return ["number", *figures(found[1])] if found else None


def _roman(text: str, before: str) -> Words | None:
    """`Chapter IV`, `Henry VIII`."""
    if not before[:1].isalpha():
        return None
    value = sum({"X": 10, "V": 5, "I": 1}[c] for c in text)
    value -= 2 * (("IV" in text) + ("IX" in text))
    if before.lower() in NUMBERED:
        return cardinal(value)
    return ["the", *ordinal(value)] if before[0].isupper() and before[1:].islower() else None


def _address(text: str) -> Words:
    """The host and the path; what follows `?` or `#` is for machines."""
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", re.split(r"[?#]", text)[0], flags=re.IGNORECASE).rstrip("/")
    signs = {".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "+": "plus", ":": "colon"}
    words = Words()
    for piece in re.findall(r"[A-Za-z']+|\d+|[^\w]|_", text):
        if piece.isdecimal():
            words += figures(piece) if len(piece) < 5 else digits(piece)
        elif piece.lower() in DOMAINS and len(piece) == 2 and piece.lower() not in ("me", "to", "be", "it", "no", "at"):
            words += piece.upper()
        else:
            words += [signs[piece]] if piece in signs else (_word(piece) if piece.isalpha() else [])
    return words[:MOST_ADDRESS_WORDS]


def _pieces(text: str) -> Iterator[str]:
    """Runs of one kind: MP and 3, Web and RTC; letters lose their accents, other scripts stay."""
    plain = "".join(_folded(c) for c in text)
    whole = plain[1:].islower() or plain.isupper() or plain.lower() in load_dictionary()
    if plain.isalpha() and plain.isascii() and whole:
        yield plain
        return
    yield from PIECES.findall(plain)


def _folded(letter: str) -> str:
    """`é` -> `e`; a letter that is no Latin one stays."""
    if letter.isascii():
        return letter
    base = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    return base if base.isascii() else "" if unicodedata.combining(letter) else letter


def _said(piece: str, *, alone: bool) -> Words | None:
    """The words for a run; none for what is silent; None for what cannot be said."""
    if piece in SILENT and not (alone and piece in SIGNS):
        return []
    if piece in SIGNS:
        return [*SIGNS[piece].split()]
    if piece[0].isdecimal() and piece.isascii():
        return amount(piece) or digits(piece)
    if piece.isascii() and (piece[0].isalpha() or piece[0] == "'"):
        return _word(piece)
    if piece[0].isalpha() and all(c in GREEK for c in piece.lower()):
        return [GREEK[c] for c in piece.lower()]
    return _emoji(piece)


def _word(piece: str) -> Words:
    """One word, or its letters if it is an acronym."""
    lower = piece.lower()
    if len(piece) > 2 and piece[:-1].isupper() and piece[-1] == "s":  # DVDs
        *letters, last = _word(piece[:-1])
        return [*letters, last + "s"]
    if not piece.isupper() or piece in ("A", "I", "O"):
        return [lower] if lower.strip("'") else []
    if lower in WORDS_IN_CAPITALS:
        return [lower]
    spelled = len(piece) < 3 or lower in SPELLED or not re.search("[AEIOUY]", piece)
    unknown = len(piece) < 5 and lower not in load_dictionary()
    return list(piece.replace("'", "")) if spelled or unknown else [lower]


def _emoji(piece: str) -> Words | None:
    """The name of a picture, if it is a short one."""
    if unicodedata.category(piece[0]) not in ("So", "Sk") or ord(piece[0]) < 0x2190:
        return None
    name = unicodedata.name(piece[0], "").lower().replace("-", " ").split()
    return name if 0 < len(name) <= EMOJI_WORDS and all(word.isalpha() for word in name) else None

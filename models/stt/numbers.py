"""How numbers are said: `1999` -> "nineteen ninety nine". It spells; reading them back is `written.py`'s.

English as read aloud, without "and": it serves the language model's text and the scoring of transcripts.
"""

from __future__ import annotations

import re

__all__ = ["ONES", "ORDINALS", "SCALES", "TENS", "cardinal", "ordinal", "spell", "year"]

ONES: tuple[str, ...] = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS: tuple[str, ...] = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ODD_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"},
    **{"nine": "ninth", "twelve": "twelfth"},
}
MONEY = {"£": "pounds", "$": "dollars", "€": "euros"}
LARGEST = 10**15


def cardinal(n: int) -> list[str]:
    """`25` -> `["twenty", "five"]`; from 0 up to a thousand trillion."""
    assert 0 <= n < LARGEST
    if n < 20:
        return [ONES[n]]
    if n < 100:
        return [TENS[n // 10], *(cardinal(n % 10) if n % 10 else [])]
    if n < 1000:
        return [ONES[n // 100], "hundred", *(cardinal(n % 100) if n % 100 else [])]
    name, scale = next((k, v) for k, v in reversed(SCALES.items()) if n >= v)
    return [*cardinal(n // scale), name, *(cardinal(n % scale) if n % scale else [])]


def _as_ordinal(word: str) -> str:
    if word in ODD_ORDINALS:
        return ODD_ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def ordinal(n: int) -> list[str]:
    """`22` -> `["twenty", "second"]`."""
    *head, last = cardinal(n)
    return [*head, _as_ordinal(last)]


ORDINALS = {_as_ordinal(word): i for i, word in enumerate(ONES)} | {
    _as_ordinal(word): 10 * i for i, word in enumerate(TENS) if word
}


def year(n: int) -> list[str]:
    """`1906` -> `["nineteen", "o", "six"]`, for 1100 to 1999."""
    century, rest = divmod(n, 100)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    return [*cardinal(century), *(["o"] if rest < 10 else []), *cardinal(rest)]


def spell(written: str) -> list[str]:
    """A written number as words: years, ordinals, money, percent, decimals, digits; no words where it is none."""
    found = re.fullmatch(r"([£$€]?)(\d[\d,]*)(?:\.(\d+))?(st|nd|rd|th|%|s)?", written.lower())
    if not found:
        return []
    sign, whole, fraction, ending = found.groups()
    n = int(whole.replace(",", ""))
    if n >= LARGEST:
        return [ONES[int(digit)] for digit in whole if digit != ","]
    if ending in ("st", "nd", "rd", "th"):
        return ordinal(n)
    said = year(n) if not sign and not fraction and "," not in whole and 1100 <= n <= 1999 else cardinal(n)
    said += ["point", *(ONES[int(digit)] for digit in fraction)] if fraction else []
    if ending == "%":
        return [*said, "percent"]
    return [*said, MONEY[sign]] if sign else said

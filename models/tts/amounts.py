"""How what is written in figures is said: numbers, money, dates, times, units, versions, telephones.

One piece of text between spaces at a time; the words before and after it tell `May 5` from `5 kg`. A capital letter
among the words stands for its own name. What is not figures is `wording.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from models.stt.numbers import LARGEST, ONES, SCALES, cardinal, ordinal
from models.stt.numbers import year as long_year
from models.tts.symbols import CURRENCIES, FRACTIONS, MONTHS, UNITS

__all__ = ["amount", "digits", "figures", "model_number", "singular"]

NUMBER = r"(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?"
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
MONTH = re.compile(rf"(?:{'|'.join(name[:3] for name in MONTHS)}|{'|'.join(MONTHS)}|sept)\.?", re.IGNORECASE)
PARTS = {2: "half", 3: "third", 4: "quarter"}
BIG = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion"}
MOST_FIGURES = 15  # a longer number is read digit by digit
NEVER_SINGULAR = {
    "times",
    "thousand",
    "K",
    "million",
    "billion",
    "percent",
    "A M",
    "P M",
    "hertz",
    "kilohertz",
    "megahertz",
}

Words = list[str]


def digits(text: str) -> Words:
    """Each by itself, as in a telephone number."""
    return [ONES[int(c)] for c in text if c.isdecimal()]


def figures(text: str) -> Words:
    """A plain number: a year where four figures look like one; digit by digit if it begins with 0 or is very long."""
    whole = text.replace(",", "")
    if len(whole) > MOST_FIGURES or (len(whole) > 1 and whole[0] == "0"):
        return digits(whole)
    n = int(whole)
    return _year(n) if "," not in text and (1100 <= n <= 1999 or 2010 <= n <= 2099) else cardinal(n)


def model_number(text: str) -> Words:
    """Figures right behind letters, as in H264: two sixty four; many of them one by one."""
    return _pairs(text) if len(text) < 5 else digits(text)


def amount(text: str, *, before: str = "", after: str = "") -> Words | None:
    """The words for `text`, or None where it is nothing that this file knows."""
    for form, say in FORMS:
        if found := form.fullmatch(text):
            words = say(*found.groups(default=""), before=before.lower(), after=after.lower())
            if words is not None:
                return words
    return None


def _year(n: int) -> Words:
    return cardinal(n) if 2000 <= n < 2010 else long_year(n)


def _pairs(text: str) -> Words:
    """1080 -> ten eighty, 720 -> seven twenty, 264 -> two sixty four."""
    head, tail = text[:-2], text[-2:]
    if not head or head[0] == "0" or len(text) > 4:
        return figures(text)
    if tail == "00":
        return [*cardinal(int(head)), "hundred"] if head[-1] != "0" else cardinal(int(text))
    return [*cardinal(int(head)), *(["o", ONES[int(tail[1])]] if tail[0] == "0" else cardinal(int(tail)))]


def _decimal(whole: str, fraction: str) -> Words:
    plain = whole.replace(",", "")
    said = digits(plain) if len(plain) > MOST_FIGURES else cardinal(int(plain))
    return [*said, "point", *digits(fraction)] if fraction.strip(".") else said


def _number(sign: str, whole: str, fraction: str, *, before: str, after: str) -> Words:
    signs = ["minus"] if sign in ("-", "−") else ["plus"] if sign == "+" else ["about"] if sign else []
    if fraction:
        return signs + _decimal(whole, fraction)
    if whole.isdecimal() and int(whole) <= 31 and len(whole) <= 2 and not signs:
        if MONTH.fullmatch(before):
            return ordinal(int(whole))
        if MONTH.fullmatch(after) and after != "may":
            return ["the", *ordinal(int(whole)), "of"]
    if sign == "+" and len(whole) <= 3 and after[:1].isdecimal():
        return ["plus", *digits(whole)]
    if after.rstrip(".") in UNITS or after in SCALES or "," in whole:
        return signs + _decimal(whole, "")
    return signs + figures(whole)


def _with_unit(sign: str, whole: str, fraction: str, unit: str, *, before: str, after: str) -> Words:
    found = "K" if unit == "K" else UNITS[unit.lower()]
    signs = ["minus"] if sign in ("-", "−") else ["about"] if sign else []
    one = whole == "1" and not fraction and found not in NEVER_SINGULAR
    return [*signs, *_decimal(whole, fraction), *(singular(found) if one else found).split()]


def singular(unit: str) -> str:
    """`miles per hour` -> `mile per hour`."""
    first, _, rest = unit.partition(" ")
    odd = {"inches": "inch", "feet": "foot", "hertz": "hertz", "percent": "percent"}
    return f"{odd.get(first) or first.removesuffix('s')} {rest}".strip()


def _money(sign: str, currency: str, whole: str, fraction: str, scale: str, *, before: str, after: str) -> Words:
    unit, cent = CURRENCIES[currency]
    signs = ["minus"] if sign else []
    if after in SCALES:  # the unit comes behind the scale
        return signs + _decimal(whole, fraction)
    if scale:
        return [*signs, *_decimal(whole, fraction), BIG[scale.lower()], _many(unit)]
    plain = int(whole.replace(",", ""))
    if len(fraction) != 3 or not cent or plain >= LARGEST:
        return [*signs, *_decimal(whole, fraction), unit if plain == 1 and not fraction else _many(unit)]
    cents = int(fraction[1:])
    small = [*cardinal(cents), cent if cents == 1 else _many(cent)] if cents else []
    large = [*cardinal(plain), unit if plain == 1 else _many(unit)] if plain or not cents else []
    return [*signs, *large, *(["and"] if large and small else []), *small]


def _many(unit: str) -> str:
    return {"penny": "pence", "yen": "yen", "won": "won", "paisa": "paise"}.get(unit, unit + "s")


def _money_behind(whole: str, fraction: str, currency: str, *, before: str, after: str) -> Words:
    return _money("", currency, whole, fraction, "", before=before, after=after)


def _clock(hour: str, minute: str, second: str, half: str, *, before: str, after: str) -> Words | None:
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 59:
        return None
    noon = half.replace(".", "").upper()
    minutes = cardinal(int(minute)) if minute[0] != "0" else ["o", ONES[int(minute)]]
    if minute == "00":
        follows = noon or second or after.replace(".", "") in ("am", "pm") or int(hour) > 12 or hour == "00"
        minutes = [] if follows and int(hour) <= 12 and hour != "00" else ["hundred"] if follows else ["o'clock"]
    seconds = ["and", *cardinal(int(second)), "seconds"] if second else []
    return [*cardinal(int(hour)), *minutes, *seconds, *noon]


def _hour(hour: str, half: str, *, before: str, after: str) -> Words:
    return [*cardinal(int(hour)), *half.replace(".", "").upper()]


def _date(y: str, m: str, d: str, *, before: str, after: str) -> Words | None:
    month, day = int(m), int(d)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    full = int(y) if len(y) == 4 else int(y) + (2000 if int(y) < 50 else 1900)
    return [MONTHS[month - 1], *ordinal(day), *(_year(full) if full >= 1100 else cardinal(full))]


def _slashed_date(a: str, b: str, y: str, *, before: str, after: str) -> Words | None:
    """Month first, as in the United States; day first where it cannot be a month."""
    return _date(y, b, a, before=before, after=after) if int(a) > 12 else _date(y, a, b, before=before, after=after)


def _fraction(whole: str, top: str, bottom: str, *, before: str, after: str) -> Words | None:
    if not int(bottom) or len(top) > 4 or len(bottom) > 4:
        return None
    n, parts = int(top), int(bottom)
    if parts > 10 or parts == 1 or n >= parts:
        return [*cardinal(n), "over", *cardinal(parts)]
    part = PARTS.get(parts) or " ".join(ordinal(parts))
    said = ["a" if n == 1 and whole else "one" if n == 1 else ONES[n], part if n == 1 else _parts(part)]
    return [*cardinal(int(whole)), "and", *said] if whole else said


def _parts(part: str) -> str:
    return "halves" if part == "half" else part + "s"


def _drawn_fraction(whole: str, drawn: str, *, before: str, after: str) -> Words | None:
    top, bottom = FRACTIONS[drawn]
    return _fraction(whole, str(top), str(bottom), before=before, after=after)


def _ordinal(whole: str, *, before: str, after: str) -> Words:
    plain = whole.replace(",", "")
    return ordinal(int(plain)) if len(plain) <= MOST_FIGURES else digits(plain)


def _decade(whole: str, *, before: str, after: str) -> Words:
    *head, last = _pairs(whole) if len(whole) == 4 and whole[2:] != "00" and whole[1] != "0" else cardinal(int(whole))
    return [*head, last.removesuffix("y") + "ies" if last.endswith("y") else last + "s"]


def _range(a: str, a_point: str, b: str, b_point: str, unit: str, *, before: str, after: str) -> Words | None:
    if unit and unit.lower() not in UNITS:
        return None
    if len(a) == 4 and len(b) == 2 and not unit and not a_point:
        return [*figures(a), "to", *figures(b)]
    ends = [figures(n) if not point else _decimal(n, point) for n, point in ((a, a_point), (b, b_point))]
    return [*ends[0], "to", *ends[1], *UNITS[unit.lower()].split()] if unit else [*ends[0], "to", *ends[1]]


def _telephone(text: str, *, before: str, after: str) -> Words:
    return (["plus"] if text.startswith("+") else []) + digits(text)


def _dotted(text: str, *, before: str, after: str) -> Words:
    """A version, or an address of four parts."""
    parts = text.split(".")
    between = "dot" if len(parts) > 3 else "point"
    said = [figures(part) for part in parts]
    return [word for i, part in enumerate(said) for word in ([between] if i else []) + part]


def _by(a: str, b: str, *, before: str, after: str) -> Words:
    return [*_pairs(a), "by", *_pairs(b)]


def _ratio(a: str, b: str, *, before: str, after: str) -> Words:
    return [*figures(a), "to", *figures(b)]


def _lines(whole: str, letter: str, *, before: str, after: str) -> Words:
    return [*_pairs(whole), letter.upper()]


def _feet(feet: str, inches: str, *, before: str, after: str) -> Words:
    said = [*cardinal(int(feet)), "foot" if feet == "1" else "feet"]
    return [*said, *cardinal(int(inches))] if inches else said


def _forms() -> Iterator[tuple[str, Callable[..., Words | None]]]:
    money = f"[{''.join(CURRENCIES)}]"
    yield rf"([-−]?)({money}){NUMBER}(k|m|b|t|bn|tn|K|M|B|T)?", _money
    yield rf"{NUMBER}({money})", _money_behind
    yield r"(\d{1,2}):(\d\d)(?::(\d\d))?([aApP]\.?[mM]\.?)?", _clock
    yield r"(1[0-2]|[1-9])([aApP]\.?[mM]\.?)", _hour
    yield r"(\d{4})-(\d\d)-(\d\d)", _date
    yield r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)", _slashed_date
    yield r"()(\d+)/(\d+)", _fraction
    yield rf"(\d+)?([{''.join(FRACTIONS)}])", _drawn_fraction
    yield r"(\(?\d{3}\)?[-.]?\d{3}[-.]\d{4}|\d{3}-\d{4}|\+\d+(?:[-.]\d+)+|\(\d{3,5}\)|\d+(?:-\d+){2,})", _telephone
    yield r"(\d+(?:\.\d+){2,})", _dotted
    yield r"(\d+)(?:st|nd|rd|th|ST|ND|RD|TH)", _ordinal
    yield r"(\d{1,3}(?:,\d{3})+)(?:st|nd|rd|th)", _ordinal
    yield r"'?(\d0|1[1-9]\d0|20\d0)'?s", _decade
    yield r"(\d{1,5})[x×](\d{1,5})", _by
    yield r"(\d{1,3}):(\d{1,3})", _ratio
    yield r"(\d{3,4})([pi])", _lines
    yield r"(\d{1,2})'(?:(\d{1,2})(?:\"|'')?)?", _feet
    yield rf"([-+−~≈]?){NUMBER}", _number
    yield rf"([-+−~≈]?){NUMBER}-?({UNIT})", _with_unit
    yield r"(\d+)(\.\d+)?-(\d+)(\.\d+)?([^\d\s]*)", _range


FORMS = [(re.compile(form, re.IGNORECASE if "K|M" not in form else 0), say) for form, say in _forms()]

"""Numbers as people write them, from words: "twenty five" -> `25`, "ten percent" -> `10%`, "nineteen o six" -> `1906`.

Whole numbers below ten stay words unless a unit follows. It sees one finished run of words; when a run is finished is
`written.py`'s to know.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.stt.numbers import ONES, ORDINALS, SCALES, TENS

__all__ = ["goes_on", "numerals", "starts"]

DIGITS = {word: i for i, word in enumerate(ONES[:10])}
TEENS = {word: i for i, word in enumerate(ONES) if i >= 10}
TIES = {word: 10 * i for i, word in enumerate(TENS) if word}
NOUGHT = {"o": 0, "oh": 0, "zero": 0}
SIGNS = {"dollars": "$", "dollar": "$", "pounds": "£", "euros": "€"}
SMALL = 10
COUNTED = {*DIGITS, *TEENS, *TIES, "zero"}
INSIDE = {*COUNTED, *SCALES, *SIGNS, *ORDINALS, *NOUGHT, "hundred", "point", "and", "percent", "per", "cent", "o'clock"}
Read = tuple[int, str]  # words used, and how they are written


def starts(word: str) -> bool:
    """Whether a number may begin with this word."""
    return word in COUNTED or (word in ORDINALS and ORDINALS[word] >= SMALL)


def goes_on(run: Sequence[str], word: str) -> bool:
    """Whether `word` may belong to the number that `run` has begun; until it does not, nothing of it can be written."""
    if word in ("a", "p"):
        return run[-1] in COUNTED
    return word in INSIDE or (word == "m" and run[-1] in ("a", "p"))


def numerals(run: Sequence[str], *, before: str = "") -> list[Read]:
    """A finished run, piece by piece; a word that is no number stays as it is.

    Args:
        before: the word before the run; after "at", ten thirty is a time.
    """
    found, at = list[Read](), 0
    while at < len(run):
        read = _read(run[at:], before) or (1, run[at])
        found.append(read)
        at, before = at + read[0], run[at + read[0] - 1]
    return found


def _read(run: Sequence[str], before: str) -> Read | None:
    return _time(run, before) or _digits(run) or _year(run) or _amount(run)


def _digits(run: Sequence[str]) -> Read | None:
    """Three and more single digits are a code or a telephone number."""
    known = DIGITS | NOUGHT
    n = next((i for i, word in enumerate(run) if word not in known), len(run))
    if n < 3 or run[0] in ("o", "oh") or (n < len(run) and run[n] in {*SCALES, "hundred", "point"}):
        return None
    return n, "".join(str(known[word]) for word in run[:n])


def _pair(run: Sequence[str]) -> Read | None:
    """Ten to ninety-nine, or "o six", as two digits."""
    if len(run) > 1 and run[0] in ("o", "oh") and run[1] in DIGITS:
        return 2, f"0{DIGITS[run[1]]}"
    if run and run[0] in TEENS:
        return 1, str(TEENS[run[0]])
    if run and run[0] in TIES:
        ones = DIGITS.get(run[1], 0) if len(run) > 1 else 0
        return (2 if ones else 1), str(TIES[run[0]] + ones)
    return None


def _time(run: Sequence[str], before: str) -> Read | None:
    """Ten thirty after "at", half past eleven's kind, and whatever "a m", "p m" or "o'clock" follows."""
    hour = {**DIGITS, **TEENS}.get(run[0], 0)
    if not 1 <= hour <= 12:
        return None
    minutes = _pair(run[1:]) or (0, "")
    used = 1 + minutes[0]
    said = f"{hour}:{minutes[1]}" if minutes[1] else str(hour)
    if list(run[used : used + 2]) in (["a", "m"], ["p", "m"]):
        return used + 2, f"{said} {run[used]}.m."
    if list(run[used : used + 1]) == ["o'clock"]:
        return used + 1, f"{said} o'clock"
    sure = minutes[1] and int(minutes[1]) < 60 and (before == "at" or hour in (11, 12))
    return (used, said) if sure else None


def _year(run: Sequence[str]) -> Read | None:
    century = TEENS.get(run[0], 20 if run[0] == "twenty" else 0)
    rest = _pair(run[1:])
    if century < 13 or rest is None or "hundred" in run[1 + rest[0] : 2 + rest[0]]:
        return None
    return 1 + rest[0], f"{century}{rest[1]}"


def _amount(run: Sequence[str]) -> Read | None:
    """A cardinal, ordinal or decimal with its scale and unit."""
    found = _whole(run)
    if found is None:
        return None
    used, value, ordinal = found
    if ordinal:
        return (used, f"{_grouped(value)}{_ending(value)}") if value >= SMALL else (used, " ".join(run[:used]))
    decimals = _decimals(run[used:])
    text = _scaled(value) + (f".{decimals[1]}" if decimals else "")
    used += decimals[0] if decimals else 0
    if decimals and used < len(run) and run[used] in SCALES:
        text, used = f"{text} {run[used]}", used + 1
    unit = _unit(run[used:], text)
    if unit:
        return used + unit[0], unit[1]
    return (used, " ".join(run[:used])) if value < SMALL and not decimals else (used, text)


def _unit(rest: Sequence[str], text: str) -> Read | None:
    if rest and rest[0] in SIGNS:
        return 1, SIGNS[rest[0]] + text
    percent = 1 if list(rest[:1]) == ["percent"] else 2 if list(rest[:2]) == ["per", "cent"] else 0
    return (percent, f"{text}%") if percent else None


def _decimals(rest: Sequence[str]) -> Read | None:
    known = DIGITS | NOUGHT
    digits = [known[word] for word in rest[1:] if word in known]
    n = next((i for i, word in enumerate(rest[1:]) if word not in known), len(rest) - 1)
    if not rest or rest[0] != "point" or n < 1:
        return None
    return 1 + n, "".join(map(str, digits[:n]))


def _whole(run: Sequence[str]) -> tuple[int, int, bool] | None:
    """Words used, value, and whether it is an ordinal."""
    total, at, least = 0, 0, 10**15
    while True:
        skip = 1 if at and at < len(run) and run[at] == "and" else 0
        group = _hundreds(run[at + skip :])
        if group is None:
            return (at, total, False) if at else None
        used, value, ordinal = group
        end = at + skip + used
        scale = SCALES.get(run[end], 0) if end < len(run) and not ordinal else 0
        if not scale:
            fits = not at or value < least
            return (end, total + value, ordinal) if fits else (at, total, False)
        if scale >= least:
            return (at, total, False) if at else None
        total, at, least = total + value * scale, end + 1, scale


def _hundreds(run: Sequence[str]) -> tuple[int, int, bool] | None:
    """Below a thousand, or so many hundreds."""
    first = _tens(run)
    if first is None or first[2] or first[0] >= len(run) or run[first[0]] != "hundred" or not first[1]:
        return first
    used, value = first[0] + 1, 100 * first[1]
    skip = 1 if used < len(run) and run[used] == "and" else 0
    rest = _tens(run[used + skip :])
    return (used + skip + rest[0], value + rest[1], rest[2]) if rest and rest[1] else (used, value, False)


def _tens(run: Sequence[str]) -> tuple[int, int, bool] | None:
    if not run:
        return None
    if run[0] in ORDINALS:
        return 1, ORDINALS[run[0]], True
    if run[0] in TIES:
        after = run[1] if len(run) > 1 else ""
        if DIGITS.get(after):
            return 2, TIES[run[0]] + DIGITS[after], False
        if 0 < ORDINALS.get(after, 0) < 10:
            return 2, TIES[run[0]] + ORDINALS[after], True
        return 1, TIES[run[0]], False
    value = {**DIGITS, **TEENS}.get(run[0])
    return None if value is None else (1, value, False)


def _grouped(value: int) -> str:
    return f"{value:,}" if value >= 10_000 else str(value)


def _scaled(value: int) -> str:
    """`5 million` rather than seven digits, where it comes out even."""
    for name, scale in reversed(SCALES.items()):
        if scale >= 10**6 and value >= scale and value % scale == 0:
            return f"{_grouped(value // scale)} {name}"
    return _grouped(value)


def _ending(value: int) -> str:
    if value % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")

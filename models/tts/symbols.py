"""What is said for what is written short: abbreviations, units, signs, names on the internet. Tables alone.

English; the words are lower case, and a capital letter stands for its own name: `"mp": "M P"`.
"""

from __future__ import annotations

__all__ = ["ABBREVIATIONS", "CURRENCIES", "DOMAINS", "ENDING", "FOLDED", "FRACTIONS", "GREEK", "MONTHS", "NEVER_LAST"]
__all__ += ["SIGNS", "SPELLED", "STARTERS", "UNITS", "WORDS_IN_CAPITALS", "words"]


def words(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())


MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

# With their full stop, which ends no sentence: what follows belongs to them.
NEVER_LAST = {
    **{"mr.": "mister", "mrs.": "missus", "ms.": "miz", "messrs.": "messieurs", "dr.": "doctor", "prof.": "professor"},
    **{"rev.": "reverend", "hon.": "honorable", "capt.": "captain", "lt.": "lieutenant", "lieut.": "lieutenant"},
    **{"col.": "colonel", "sgt.": "sergeant", "gen.": "general", "sen.": "senator", "rep.": "representative"},
    **{"gov.": "governor", "pres.": "president", "st.": "saint", "mt.": "mount", "ft.": "fort", "vs.": "versus"},
    **{"e.g.": "for example", "i.e.": "that is", "cf.": "compare", "viz.": "namely", "approx.": "approximately"},
    **{"fig.": "figure", "vol.": "volume", "ch.": "chapter", "no.": "number", "nos.": "numbers", "pp.": "pages"},
    **{"ca.": "about", "incl.": "including", "al.": "al", "eq.": "equation", "sec.": "section"},
}
# With their full stop, which may end a sentence as well.
ENDING = {
    **{"etc.": "et cetera", "inc.": "incorporated", "ltd.": "limited", "co.": "company", "corp.": "corporation"},
    **{"jr.": "junior", "sr.": "senior", "ave.": "avenue", "rd.": "road", "blvd.": "boulevard", "dept.": "department"},
    **{"a.m.": "A M", "p.m.": "P M", "ph.d.": "P H D", "bros.": "brothers", "est.": "established", "min.": "minutes"},
    **{"max.": "maximum", "tel.": "telephone", "ext.": "extension", "hrs.": "hours", "lbs.": "pounds", "oz.": "ounces"},
    **{f"{name[:3]}.": name for name in MONTHS if name != "may"},
    **{f"{name[:3]}.": name for name in DAYS if name not in ("saturday", "sunday")},
    **{"sept.": "september", "tues.": "tuesday", "thurs.": "thursday"},
}
# Without a full stop.
ABBREVIATIONS = {
    **{"mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "vs": "versus"},
    **{"etc": "et cetera", "eg": "for example", "w/": "with", "w/o": "without", "b/c": "because", "approx": "about"},
    **{
        "am": "am",
        "pm": "P M",
        "ok": "okay",
        "n/a": "not applicable",
        "24/7": "twenty four seven",
        "btw": "by the way",
    },
    **{"jpeg": "jay peg", "png": "P N G", "gif": "giff", "wifi": "why fi", "wi-fi": "why fi", "sql": "sequel"},
    **{"lol": "L O L", "omg": "O M G", "imo": "in my opinion", "tldr": "T L D R", "obs": "O B S", "srt": "S R T"},
}
STARTERS = words(
    "the a an it he she we they i you this that these those there then but and so if when what why how who "
    "where in on at as for my our his her your no yes"
)  # a capital on one of these begins a sentence rather than a name

# Words in capitals that are spelled although the dictionary has them, and two-letter words that are not.
SPELLED = words("us id ai pc ar vr ui ux ip ma pa pr hr ceo cto api url sdk html usb led")
WORDS_IN_CAPITALS = words(
    "no so go is it in on to do up of at an as be by he me my we if or oh ok ah ha hi am nasa nato opec "
    "unicef unesco fifa ascii json yaml ram rom sim gui lidar cuda covid swat nasdaq laser radar"
)

UNITS = {
    **{"%": "percent", "‰": "per mille", "°": "degrees", "°c": "degrees celsius", "°f": "degrees fahrenheit"},
    **{"mm": "millimeters", "cm": "centimeters", "m": "meters", "km": "kilometers", "in": "inches", "ft": "feet"},
    **{"yd": "yards", "mi": "miles", "mg": "milligrams", "g": "grams", "kg": "kilograms", "lb": "pounds"},
    **{"lbs": "pounds", "oz": "ounces", "ml": "milliliters", "l": "liters", "ns": "nanoseconds", "ms": "milliseconds"},
    **{"µs": "microseconds", "μs": "microseconds", "s": "seconds", "sec": "seconds"},
    **{"secs": "seconds", "min": "minutes", "mins": "minutes", "h": "hours", "hr": "hours", "hrs": "hours"},
    **{"hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "v": "volts", "mv": "millivolts"},
    **{
        "w": "watts",
        "kw": "kilowatts",
        "mw": "megawatts",
        "kwh": "kilowatt hours",
        "ma": "milliamps",
        "db": "decibels",
    },
    **{"kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes", "tb": "terabytes", "kib": "kibibytes"},
    **{"mib": "mebibytes", "gib": "gibibytes", "kbps": "kilobits per second", "mbps": "megabits per second"},
    **{"gbps": "gigabits per second", "fps": "frames per second", "rpm": "R P M", "mph": "miles per hour"},
    **{"km/h": "kilometers per hour", "kmh": "kilometers per hour", "m/s": "meters per second", "px": "pixels"},
    **{"k": "thousand", "bn": "billion", "tn": "trillion", "x": "times", "am": "A M", "pm": "P M", "usd": "dollars"},
    **{"eur": "euros", "gbp": "pounds", "kcal": "kilocalories", "cal": "calories", "mol": "moles", "nm": "nanometers"},
}
CURRENCIES = {
    "$": ("dollar", "cent"),
    "£": ("pound", "penny"),
    "€": ("euro", "cent"),
    "¥": ("yen", ""),
    "₹": ("rupee", "paisa"),
    "₩": ("won", ""),
}
SIGNS = {
    **{
        "&": "and",
        "+": "plus",
        "=": "equals",
        "@": "at",
        "%": "percent",
        "×": "times",
        "÷": "divided by",
        "±": "plus or minus",
    },
    **{"°": "degrees", "§": "section", "→": "to", "≈": "about", "≠": "is not", "≤": "at most", "≥": "at least"},
    **{
        "<": "less than",
        ">": "greater than",
        "√": "root",
        "∞": "infinity",
        "№": "number",
        "#": "number",
        "^": "to the",
    },
    **{"$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "\\": "backslash", "~": "about", "−": "minus"},
}
GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
    "kai sigh omega"
)
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        GREEK_NAMES.split(),
        strict=True,
    )
) | {"µ": "micro", "ς": "sigma"}
FRACTIONS = {"½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅛": (1, 8), "⅜": (3, 8)}
FRACTIONS |= {"⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅝": (5, 8), "⅞": (7, 8)}
FOLDED = str.maketrans(
    {
        **{"’": "'", "‘": "'", "ʼ": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "⁄": "/", "∕": "/"},
        **{"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L"},
        **{"đ": "d", "Đ": "D", "ð": "th", "þ": "th", "ı": "i", "ħ": "h"},
    }
)
DOMAINS = words(
    "com org net edu gov info io dev ai app tv me co uk us de fr es it nl eu ca au jp ch at be se no fi gg fm "
    "ly to cc xyz tech online live studio"
)

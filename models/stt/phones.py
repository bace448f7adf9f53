"""The symbols that the recogniser tells apart: silence, and the 39 ARPAbet phones without stress.

It knows their names and order alone; pronunciations are the lexicon's.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["BLANK", "INDEX", "PHONES", "without_stress"]

BLANK = 0

PHONES: tuple[str, ...] = (
    "",
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY"),
    *("F", "G", "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY"),
    *("P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)

INDEX = {phone: i for i, phone in enumerate(PHONES)}


def without_stress(phones: Iterable[str]) -> list[str]:
    """CMUdict's phones with the stress digits taken off: `["HH", "AH0"]` -> `["HH", "AH"]`."""
    return [phone.rstrip("012") for phone in phones]

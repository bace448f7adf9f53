"""Word errors: how far heard words are from those said, however numbers, capitals and stops are written.

It knows texts alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.stt.numbers import spell

__all__ = ["edits", "spoken_words"]

TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "ok": "okay"}


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions between two sequences (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]


def spoken_words(text: str) -> list[str]:
    """The words of a transcript as said: lower case, numbers spelled, no stops; "to-morrow" is "tomorrow"."""
    plain = re.sub(r"\bto[- ](day|night|morrow)\b", r"to\1", text.lower().replace("’", "'"))
    found = re.findall(r"[£$€]?\d[\d.,]*(?:st|nd|rd|th|s|%)?|[^\W\d_][\w']*", plain)
    words = (word for part in found for word in (spell(part.rstrip(".,")) or [part.strip("'")]))
    return [TITLES.get(word, word) for word in words if word]

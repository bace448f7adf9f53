"""What the acoustic model reads: a clause as rows of small numbers, one for each phone and each pause.

A row says which phone, which mark (at a pause the one written there, at a phone the one that ends its clause), whether
it begins or ends its word, and how far the clause's ends are. Knows nothing of text or of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "FARTHEST", "MARKS", "NAMES", "Tokens", "clause_tokens"]

VOWELS: tuple[str, ...] = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS: tuple[str, ...] = (
    "B",
    "CH",
    "D",
    "DH",
    "F",
    "G",
    "HH",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
)
CONSONANTS += ("V", "W", "Y", "Z", "ZH")
NAMES: tuple[str, ...] = ("", *CONSONANTS, *(vowel + stress for vowel in VOWELS for stress in "012"))
MARKS = ("", ",", ".", "?", "!", ":")
COLUMNS = ("name", "mark", "place", "from_begin", "to_end")
FARTHEST = 31
INDEX = {name: i for i, name in enumerate(NAMES)}

Tokens = NDArray[np.int64]  # [N, 5]


def clause_tokens(words: Sequence[Sequence[str]], mark: str) -> Tokens:
    """The rows of a clause's phones `words`, and one for the pause with `mark` after them.

    Raises:
        ValueError: a phone that `NAMES` lacks, or a mark that `MARKS` lacks.
    """
    if strange := {phone for word in words for phone in word} - INDEX.keys():
        raise ValueError(f"no such phones: {sorted(strange)}; they are ARPAbet's, vowels with stress, as AH0")
    if mark not in MARKS:
        raise ValueError(f"a clause ends with one of {MARKS}, not {mark!r}")
    code = MARKS.index(mark)
    rows = [(INDEX[phone], code, (i == 0) + 2 * (i == len(word) - 1)) for word in words for i, phone in enumerate(word)]
    reach = len(rows)
    spoken = [(*row, min(i, FARTHEST), min(reach - 1 - i, FARTHEST)) for i, row in enumerate(rows)]
    return np.array([*spoken, (0, code, 0, FARTHEST, 0)], np.int64)

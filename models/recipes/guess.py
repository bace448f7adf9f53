"""How `espeak-ng` would say a word that the dictionary lacks, in the recogniser's phones. For training sets only."""

from __future__ import annotations

import re
import subprocess

from models.stt.phones import INDEX

__all__ = ["guess"]

# espeak-ng's mnemonics for US English (its docs/phonemes.md) -> ARPAbet.
ARPABET = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "g": "G", "f": "F", "v": "V", "s": "S", "z": "Z", "T": "TH",
    "D": "DH", "S": "SH", "Z": "ZH", "tS": "CH", "dZ": "JH", "h": "HH", "m": "M", "n": "N", "N": "NG", "l": "L",
    "r": "R", "w": "W", "j": "Y", "t#": "T", "d#": "D", "r-": "R",
    "a": "AE", "aa": "AE", "a#": "AH", "A:": "AA", "A": "AA",
    "0": "AA", "O": "AO", "O2": "AA", "O:": "AO", "V": "AH", "E": "EH", "E#": "EH", "I": "IH", "I#": "IH", "I2": "IH",
    "i": "IY", "i:": "IY", "u:": "UW", "U": "UH", "@": "AH", "@2": "AH", "@5": "AH", "3": "ER", "3:": "ER", "eI": "EY",
    "aI": "AY", "OI": "OY", "aU": "AW", "oU": "OW", "i@": "IH R", "i@3": "IH R", "e@": "EH R", "A@": "AA R",
    "O@": "AO R", "o@": "AO R", "U@": "UH R", "aI@": "AY AH", "aI3": "AY ER", "@L": "AH L", "@n": "AH N", "n-": "AH N",
    "l-": "AH L", "x": "K", "Q": "AA", "e": "EH", "o": "OW",
}  # fmt: skip


def guess(word: str) -> tuple[int, ...] | None:
    """Phone numbers of a word; nothing if espeak-ng spells it with a sound that US English has not."""
    command = ["espeak-ng", "-q", "-x", "--sep=_", "-v", "en-us", word]
    said = subprocess.run(command, check=True, timeout=10, capture_output=True, text=True).stdout
    names = [name for part in re.split(r"[_\s]+", said) if (name := part.strip("',;:%=|-~") or part.strip("',%="))]
    known = [ARPABET.get(name) or ARPABET.get(name + ":") for name in names if name]
    if not known or None in known:
        return None
    return tuple(INDEX[phone] for spelled in known if spelled for phone in spelled.split())

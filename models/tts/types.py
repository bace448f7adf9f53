"""What the parts of the voice hand each other: clauses that were read, and utterances that can be heard.

Times are seconds from the utterance's first sample; `begin` and `end` are characters of all the text given so far. It
knows no network and no sound card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clause", "Controls", "Phone", "Reading", "SpokenWord", "Utterance"]

BOUNDS = {"speed": (0.5, 2.0), "pitch_semitones": (-12.0, 12.0), "energy_db": (-12.0, 12.0), "pause": (0.0, 3.0)}


@dataclass(frozen=True, slots=True)
class Reading:
    """One piece of text between spaces and how it is said: `$5` -> F AY1 V D AA1 L ER0 Z."""

    text: str  # as written
    begin: int
    end: int
    phones: tuple[str, ...]  # ARPAbet, vowels with their stress: AH0, IY1, OW2


@dataclass(frozen=True, slots=True)
class Clause:
    """What is said in one breath."""

    text: str
    begin: int
    words: tuple[Reading, ...]
    pause: str  # what follows it: one of , . ? ! : or nothing
    unspoken: tuple[str, ...] = ()  # what could not be said: other scripts, tags, control characters


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone as it is heard; the name of a pause is empty."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A `Reading` as it is heard."""

    text: str
    begin: int
    end: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clause as the vocoder wants it."""

    features: NDArray[np.float32]  # [82, T], see models/tts/features.py
    phones: tuple[Phone, ...]
    words: tuple[SpokenWord, ...]


@dataclass(frozen=True, slots=True)
class Controls:
    """How a clause is to be said; a value out of its bounds raises ValueError that names them."""

    speed: float = 1.0  # 0.5 to 2
    pitch_semitones: float = 0.0  # -12 to 12
    energy_db: float = 0.0  # -12 to 12
    pause: float = 1.0  # 0 to 3: how long pauses last, beside the voice's own

    def __post_init__(self) -> None:
        for name, (least, most) in BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {least:g} to {most:g}, not {getattr(self, name)}")

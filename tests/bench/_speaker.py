"""Text to sound by the shipped parts, offline, for benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.tts.reader import Reader
from models.tts.types import Clause, Controls
from models.tts.voice import Voice
from models.vocoder import Vocoder

__all__ = ["Speaker", "Wave", "clauses"]

Wave = NDArray[np.float32]


def clauses(text: str) -> list[Clause]:
    reader = Reader()
    return [*reader.push(text), *reader.flush()]


@dataclass(frozen=True)
class Speaker:
    """A voice and its vocoder."""

    voice: Voice
    vocoder: Vocoder

    def features(self, text: str) -> Wave:
        """`[82, T]` of all the clauses, one after the other."""
        return np.concatenate([self.voice.speak(clause, Controls()).features for clause in clauses(text)], 1)

    @torch.inference_mode()
    def sound(self, features: Wave) -> Wave:
        """`[82, T]` -> `[240 T]` at 24 kHz."""
        even = np.pad(features, ((0, 0), (0, features.shape[1] % 2)), mode="edge")
        made: Wave = self.vocoder(torch.from_numpy(np.ascontiguousarray(even))[None])[0, 0].numpy()
        return made[: 240 * features.shape[1]]

"""The vocoder at the rate that sessions have inside: features in, 48 kHz out, in one step of one engine."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from models.resample import Resampler
from models.streaming import StreamingModule, Tree
from models.tts.features import BANDS, HOP, LOG_FLOOR, VOICE_HZ

__all__ = ["SOUND_HZ", "Aloud"]

SOUND_HZ = 48_000


class AloudState(NamedTuple):
    """Of the vocoder, and of the resampler after it."""

    vocoder: Tree
    resampler: Tree


class Aloud(StreamingModule):
    """Features `[B, 82, N]` -> sound `[B, 1, 480 N]` of any vocoder for them; its hop, and 1/3 ms more delay."""

    def __init__(self, vocoder: StreamingModule) -> None:
        super().__init__()
        self.vocoder, self.resampler = vocoder, Resampler(VOICE_HZ, SOUND_HZ)
        self.hop, self.ratio = vocoder.hop, Fraction(HOP * SOUND_HZ, VOICE_HZ)
        self.delay = int(vocoder.delay * self.resampler.ratio) + self.resampler.delay
        self.eval().requires_grad_(False)

    def initial_state(self, slots: int) -> AloudState:
        return AloudState(self.vocoder.initial_state(slots), self.resampler.initial_state(slots))

    def step(self, state: Tree, chunk: Tree) -> tuple[AloudState, Tensor]:
        assert isinstance(state, AloudState)
        vocoder, sound = self.vocoder.step(state.vocoder, chunk)
        resampler, made = self.resampler.step(state.resampler, sound)
        return AloudState(vocoder, resampler), made

    def forward(self, x: Tree) -> Tensor:
        """One long step, and silence after it: the resampler too hears what the vocoder says before and after."""
        assert isinstance(x, Tensor)
        silence = x.new_zeros(x.shape[0], x.shape[1], math.ceil(self.delay / self.ratio))
        silence[:, :BANDS] = math.log(LOG_FLOOR)
        _, made = self.step(self.initial_state(x.shape[0]), torch.cat([x, silence], -1))
        return made[..., self.delay : self.delay + int(self.ratio) * x.shape[-1]]

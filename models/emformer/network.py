"""The public Emformer as a streaming model: 48 kHz sound in, columns of the transducer's encoding out.

Resampling, features and the right context's wait are inside the step. Turning columns into words is `search.py`'s.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.emformer.encoder import EmformerConfig, Encoder
from models.emformer.features import FRAME, RATE_HZ, STEP, MelFeatures
from models.resample import Resampler
from models.streaming import StreamingModule, Tree

__all__ = ["COLUMN_S", "Emformer", "EmformerState"]

SOUND_HZ = 48_000
COLUMN_S = 0.04


class EmformerState(NamedTuple):
    """What the next segment needs of the past."""

    resampler: Tensor  # [B, 1, 96] at 48 kHz
    sound: Tensor  # [B, past] at 16 kHz
    memory: Tensor  # [B, layers, left, 2 * width] keys and values
    first: Tensor  # [B] number of the next column; below 0 before the stream began


class Emformer(StreamingModule):
    """Sound `[B, 1, T]` -> encodings `[B, encoding, T / 1920]`, a column every 40 ms.

    The segments lie so that one is complete, right context, frame overlap and resampling included, when a chunk ends:
    the columns lag by 80 ms, and the first `delay` of a stream are of no sound at all.
    """

    def __init__(self, config: EmformerConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or EmformerConfig()
        self.resampler = Resampler(SOUND_HZ, RATE_HZ)
        self.features, self.encoder = MelFeatures(), Encoder(c)
        self.hop = c.segment * STEP * SOUND_HZ // RATE_HZ
        self.ratio = Fraction(c.columns, self.hop)
        wait = c.right * STEP - STEP + FRAME // 2 + self.resampler.delay  # samples after a segment's last frame began
        self.delay = -(-wait // (c.stride * STEP))
        # The samples from the start of a segment's first frame to the end of the chunk before.
        self.past = self.delay * c.stride * STEP + FRAME // 2 - self.resampler.delay
        self.needed = (c.segment + c.right - 1) * STEP + FRAME

    def initial_state(self, slots: int) -> EmformerState:
        memory = self.encoder.initial_memory(slots)
        first = torch.full((slots,), -self.delay, dtype=torch.int64, device=memory.device)
        return EmformerState(self.resampler.initial_state(slots), memory.new_zeros(slots, self.past), memory, first)

    def step(self, state: Tree, chunk: Tree) -> tuple[EmformerState, Tensor]:
        assert isinstance(state, EmformerState)
        filtered, fresh = self.resampler.step(state.resampler, chunk)
        whole = torch.cat([state.sound, fresh[:, 0]], -1)
        frames = self.features(whole[:, : self.needed])
        columns, memory = self.encoder.step(frames, state.memory, state.first)
        sound = whole[:, -self.past :].contiguous()
        return EmformerState(filtered, sound, memory, state.first + self.config.columns), columns.transpose(1, 2)

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        c, times = self.config, SOUND_HZ // RATE_HZ
        before = self.delay * c.stride * STEP + FRAME // 2
        padded = F.pad(x, (before * times, (self.needed - before) * times))  # one segment more than there are chunks
        frames = self.features(self.resampler(padded)[:, 0])
        segments = frames.unfold(1, c.segment + c.right, c.segment).transpose(2, 3)
        columns: Tensor = self.encoder(segments, -self.delay)
        count = int(x.shape[-1] * self.ratio)
        return columns[:, self.delay : self.delay + count].transpose(1, 2)

"""Change of sampling rate as a stream: one polyphase filter for every pair of rates the product meets.

A chunk is 10 ms or a whole number of them. The filter is a Kaiser-windowed sinc, linear in phase; its delay is a whole
number of output samples: 1 ms for rates that divide each other, 3.3 ms between 44.1 and 48 kHz.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from models.streaming import StreamingModule, Tree

__all__ = ["Resampler"]

CHUNKS_A_SECOND = 100
CROSSINGS = 16  # of the sinc on either side
KAISER_BETA = 8.0
ROLLOFF = 0.92  # of the lower Nyquist frequency: where the filter is at half


class Resampler(StreamingModule):
    """`[B, C, T]` at `given_hz` -> `[B, C, T * made_hz / given_hz]`; both rates multiples of 100 Hz."""

    filters: Tensor

    def __init__(self, given_hz: int, made_hz: int, *, channels: int = 1) -> None:
        super().__init__()
        assert given_hz % CHUNKS_A_SECOND == 0
        assert made_hz % CHUNKS_A_SECOND == 0
        self.ratio, self.channels = Fraction(made_hz, given_hz), channels
        self.hop = given_hz // CHUNKS_A_SECOND
        self.up, self.down = self.ratio.numerator, self.ratio.denominator
        blocks = math.ceil(CROSSINGS * max(1.0, self.down / self.up) / self.down)
        self.reach, self.delay = blocks * self.down, blocks * self.up
        self.register_buffer("filters", polyphase(self.up, self.down, self.reach), persistent=False)

    def initial_state(self, slots: int) -> Tensor:
        """The last `2 * reach` input samples."""
        return self.filters.new_zeros(slots, self.channels, 2 * self.reach)

    def step(self, state: Tree, chunk: Tree) -> tuple[Tensor, Tensor]:
        assert isinstance(state, Tensor)
        assert isinstance(chunk, Tensor)
        whole = torch.cat([state, chunk], -1)
        return whole[..., chunk.shape[-1] :].contiguous(), self._filter(whole)

    def forward(self, x: Tree) -> Tensor:
        assert isinstance(x, Tensor)
        return self._filter(F.pad(x, (self.reach, self.reach)))

    def _filter(self, x: Tensor) -> Tensor:
        """`[B, C, T + 2 * reach]` -> `[B, C, T * up / down]`: every block of `down` samples makes `up`."""
        blocks = F.conv1d(x.flatten(0, 1)[:, None], self.filters, stride=self.down)  # [B * C, up, N]
        return blocks.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1)


def polyphase(up: int, down: int, half: int) -> Tensor:
    """Filters `[up, 1, 2 * half + down]`: row `p` makes the sample at `p * down / up` of a block. Each sums to 1."""
    cutoff = ROLLOFF * min(1.0, up / down)
    taps = torch.arange(2 * half + down, dtype=torch.float64) - half
    places = torch.arange(up, dtype=torch.float64) * down / up
    away = taps - places[:, None]  # [up, taps]
    inside = (1 - (away / half).square()).clamp(min=0)
    window = torch.special.i0(KAISER_BETA * inside.sqrt()) * (away.abs() <= half)
    filters = torch.sinc(cutoff * away) * window
    made: Tensor = (filters / filters.sum(1, keepdim=True)).float()[:, None]
    return made

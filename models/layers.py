"""The blocks that the streaming networks are made of. Channels come last; frequency bands before them.

`Dense` and `BandConv` carry a slot for a norm that only training fills; shipped weights have it folded in.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["BandAttention", "BandConv", "Dense", "TimeGRU", "in_dtype"]


def in_dtype(like: Tensor, products: torch.dtype) -> torch.autocast:
    """A context in which matrix products and convolutions are in `products`, on the device of `like`."""
    return torch.autocast(like.device.type, products, enabled=products != torch.float32)


class Dense(nn.Module):
    """Channels to channels at every band, `[..., I] -> [..., O]`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.orthogonal_(torch.empty(outputs, inputs)))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.norm: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(F.linear(x, self.weight, self.bias))
        return y


class BandConv(nn.Module):
    """Convolution over three neighbouring bands, `[N, F, C] -> [N, F, C]`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.norm: nn.Module = nn.Identity()
        nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        lying = x.transpose(1, 2).unsqueeze(2)  # [N, C, 1, F]: channels-last memory
        y = F.conv2d(lying, self.weight.unsqueeze(2), self.bias, padding=(0, 1))
        normed: Tensor = self.norm(y.squeeze(2).transpose(1, 2))
        return normed


class TimeGRU(nn.Module):
    """One GRU over time whose weights all bands share; every band has its own state `[B, F, C]`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = nn.GRU(channels, channels, batch_first=True)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A whole sequence `[B, T, F, C]`."""
        b, t, f, c = x.shape
        with torch.autocast(x.device.type, enabled=False):
            rows = x.float().transpose(1, 2).reshape(b * f, t, c)
            y, last = self.gru(rows, state.reshape(1, b * f, c))
        return y.view(b, f, t, c).transpose(1, 2), last.view(b, f, c)

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """One frame `[B, F, C]`; the next state is also the output."""
        weights: Sequence[Tensor] = self.gru.all_weights[0]
        given = F.linear(x, weights[0], weights[2]).chunk(3, -1)
        known = F.linear(state, weights[1], weights[3]).chunk(3, -1)
        reset, update = torch.sigmoid(given[0] + known[0]), torch.sigmoid(given[1] + known[1])
        fresh = torch.tanh(given[2] + reset * known[2])
        return fresh + update * (state - fresh)


class BandAttention(nn.Module):
    """Self-attention over the bands of one frame, with learned band positions: `[N, F, C] -> [N, F, C]`."""

    def __init__(self, channels: int, bands: int, heads: int) -> None:
        super().__init__()
        self.heads, self.width = heads, channels // heads
        self.places = nn.Parameter(torch.randn(bands, channels) * 0.1)
        self.mix = Dense(channels, 3 * channels)
        self.out = Dense(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        n, f, c = x.shape
        q, k, v = self.mix(x + self.places).view(n, f, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)
        weight = torch.softmax(q @ k.transpose(-1, -2) * self.width**-0.5, -1)  # [N, H, F, F]
        y: Tensor = self.out((weight @ v).transpose(1, 2).reshape(n, f, c))
        return y

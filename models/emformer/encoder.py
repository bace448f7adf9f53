"""The Emformer encoder over segments of features (Shi et al., ICASSP 2021, without memory bank).

A segment is seen together with a short right context; its attention looks back over the keys and values of `left`
columns before it, and no further. One column is `stride` frames. The offline form runs all segments at once, the
step one of them with the past as state; both share every product. Knows nothing of sound or of tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.emformer.features import BANDS

__all__ = ["EmformerConfig", "Encoder"]


@dataclass(frozen=True)
class EmformerConfig:
    """Sizes of the published base network; `segment` and `right` in frames, `left` in columns."""

    segment: int = 16
    right: int = 4
    stride: int = 4
    left: int = 30
    narrow: int = 128
    heads: int = 8
    inner: int = 2048
    layers: int = 20
    encoding: int = 1024

    @property
    def width(self) -> int:
        return self.narrow * self.stride

    @property
    def columns(self) -> int:
        """Of a segment."""
        return self.segment // self.stride


class Layer(nn.Module):
    """Attention within a segment, its right context and what lies before, then two dense layers."""

    def __init__(self, config: EmformerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.right = config.heads, config.right // config.stride
        self.norm_in, self.norm_out, self.norm_inner = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.mix = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, config.inner), nn.Linear(config.inner, width)

    def look(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys with values, `[..., U + R, W]` and `[..., U + R, 2 W]`."""
        known = self.norm_in(x)
        return self.query(known), self.key_value(known)

    def forward(self, x: Tensor, query: Tensor, seen: Tensor, known: Tensor) -> Tensor:
        """`x` `[N, U + R, W]`; `seen` `[N, K, 2 W]`, of which only `known` `[N, K]` count."""
        key, value = (self._split(part) for part in seen.chunk(2, -1))
        heard = F.scaled_dot_product_attention(self._split(query), key, value, attn_mask=known[:, None, None])
        y = x + self.mix(heard.transpose(1, 2).flatten(2))
        made: Tensor = self.norm_out(y + self.narrow(F.gelu(self.widen(self.norm_inner(y)))))
        return made

    def _split(self, x: Tensor) -> Tensor:
        """`[N, K, W]` -> `[N, H, K, W / H]`."""
        heads: Tensor = x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return heads


class Encoder(nn.Module):
    """Frames of features to columns of the transducer's encoding."""

    places: Tensor

    def __init__(self, config: EmformerConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(BANDS, config.narrow, bias=False)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.leave = nn.Linear(config.width, config.encoding)
        self.norm = nn.LayerNorm(config.encoding)
        # Column numbers, relative to a segment's first, of what its attention sees before and in it.
        self.register_buffer("places", torch.arange(-config.left, config.columns), persistent=False)

    def initial_memory(self, slots: int) -> Tensor:
        """Keys and values of the columns before a segment, for every layer."""
        c = self.config
        return self.enter.weight.new_zeros(slots, c.layers, c.left, 2 * c.width)

    def step(self, frames: Tensor, memory: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """One segment with its right context, `[B, segment + right, 80]`, whose first column is number `first` `[B]`.

        Columns below 0 are not there: nothing looks at them. Returns `[B, columns, encoding]` and the next memory.
        """
        x, own = self._columns(frames), self.config.columns
        known = self._known(first)
        kept = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            query, seen = layer.look(x)
            past = torch.cat([memory[:, index], seen[:, :own]], 1)
            x = layer(x, query, torch.cat([past, seen[:, own:]], 1), known)
            kept.append(past[:, own:])
        return self._leave(x[:, :own]), torch.stack(kept, 1)

    def forward(self, segments: Tensor, first: int) -> Tensor:
        """All segments of a signal, `[B, S, segment + right, 80]` -> `[B, S * columns, encoding]`."""
        b, s, own = segments.shape[0], segments.shape[1], self.config.columns
        x = self._columns(segments.flatten(0, 1))  # [B * S, U + R, W]
        firsts = first + own * torch.arange(s, device=x.device)
        known = self._known(firsts.repeat(b))
        for layer in self.layers:
            assert isinstance(layer, Layer)
            query, seen = layer.look(x)
            x = layer(x, query, torch.cat([self._past(seen[:, :own], b), seen[:, own:]], 1), known)
        columns: Tensor = self._leave(x[:, :own]).unflatten(0, (b, s)).flatten(1, 2)
        return columns

    def _columns(self, frames: Tensor) -> Tensor:
        columns: Tensor = self.enter(frames).unflatten(1, (-1, self.config.stride)).flatten(2)
        return columns

    def _known(self, first: Tensor) -> Tensor:
        """Which keys are there, `[N, left + columns + right columns]`."""
        known = first[:, None] + self.places >= 0
        return F.pad(known, (0, self.config.right // self.config.stride), value=True)

    def _past(self, seen: Tensor, signals: int) -> Tensor:
        """Every segment's own columns with the `left` before them: `[B * S, U, K]` -> `[B * S, left + U, K]`."""
        left, own = self.config.left, self.config.columns
        whole = F.pad(seen.unflatten(0, (signals, -1)).flatten(1, 2), (0, 0, left, 0))
        past: Tensor = whole.unfold(1, left + own, own).transpose(2, 3).flatten(0, 1)
        return past

    def _leave(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.leave(x))
        return made

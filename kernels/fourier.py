"""The tables of a Fourier transform in two stages of matrix products, for the spectral kernels.

With sample `n = 32 a + b`, bin `k = p + R q` and a window of `32 R` samples,

    exp(-2 pi i n k / 32 R) = exp(-2 pi i a p / R) exp(-2 pi i b p / 32 R) exp(-2 pi i b q / 32)

so that a frame lies as a tile `[a, b]`, a product over `a`, a turn of each element and a product over `b` make the tile
of bins `[p, q]` (Cooley and Tukey, 1965). Tiles are padded with zeros to sizes that a matrix unit takes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["COLUMNS", "Tables", "padded", "tables"]

COLUMNS = 32


class Tables(NamedTuple):
    """Cosines and sines of the three angles; `R` padded to `P` and `ceil(bins / R)` to `Q`."""

    rows: Tensor  # [2, P, P] of a p
    turns: Tensor  # [2, P, 32] of b p
    columns: Tensor  # [2, 32, Q] of b q
    analysis: Tensor  # [32 R] the window that frames are seen through
    synthesis: Tensor  # [2 * hop] the one that they are put together with


def tables(analysis: Tensor, synthesis: Tensor, *, bins: int) -> Tables:
    """For frames as long as `analysis` of which the last `synthesis` samples are made again; all on one device."""
    window = len(analysis)
    r, q = window // COLUMNS, -(-bins * COLUMNS // window)
    made = (
        _turned(r, r, r, padded(r), padded(r)),
        _turned(r, COLUMNS, window, padded(r), COLUMNS),
        _turned(COLUMNS, q, COLUMNS, COLUMNS, padded(q)),
    )
    rows, turns, columns = (table.to(analysis.device) for table in made)
    return Tables(rows, turns, columns, analysis, synthesis)


def padded(size: int) -> int:
    """The next power of two, at least 16."""
    return max(16, 1 << (size - 1).bit_length())


def _turned(rows: int, columns: int, circle: int, high: int, wide: int) -> Tensor:
    """Cosine and sine of `-2 pi i j / circle`, `[2, high, wide]`, zero beyond `rows` and `columns`."""
    angle = -2 * math.pi * torch.outer(torch.arange(rows), torch.arange(columns)).double() / circle
    table = torch.zeros(2, high, wide)
    table[:, :rows, :columns] = torch.stack([angle.cos(), angle.sin()])
    return table

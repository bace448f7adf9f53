"""Tables of numbers that ship with the code, as safetensors in xz: they say much twice, and half the bytes hold it.

Networks' weights are left as they are: they do not shrink. Knows nothing of what the tables mean.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

__all__ = ["load_tables", "save_tables"]


def load_tables(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays by name.

    Raises:
        lzma.LZMAError, safetensors.SafetensorError: the file is damaged.
    """
    return dict(load(lzma.decompress(path.read_bytes())))


def save_tables(arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Writes `path`, which should end in `.safetensors.xz`."""
    packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    path.write_bytes(lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME))

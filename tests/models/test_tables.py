"""Tables: what was saved is loaded, to the bit, and damage is an error."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from models.tables import load_tables, save_tables


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(1000, dtype=np.uint16).reshape(10, 100),
        "b": np.float32([0.5, -1]),
        "none": np.zeros(0, np.uint8),
    }
    save_tables({**arrays, "turned": arrays["a"].T}, tmp_path / "t.safetensors.xz")
    found = load_tables(tmp_path / "t.safetensors.xz")
    np.testing.assert_array_equal(found.pop("turned"), arrays["a"].T)
    assert {name: (array.dtype, array.tolist()) for name, array in found.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays.items()
    }


def test_damage_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors.xz"
    save_tables({"a": np.arange(10_000)}, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(lzma.LZMAError):
        load_tables(path)

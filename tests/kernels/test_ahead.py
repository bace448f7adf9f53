"""Triton's compiler takes every kernel: checked without a GPU, in a process that does not interpret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.campaign
def test_every_kernel_compiles_for_a_hopper_card() -> None:
    """Half a minute."""
    plain = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "tests.kernels.ahead", "90"]
    done = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (
        "_picture_in",
        "_picture_out",
        "_blur",
        "_analyse",
        "_resynthesise",
        "_band_blocks",
        "_ring_conv",
        "_ring_att",
    ):
        assert name in done.stdout

"""Every kernel compiled for a card that is not there: `python -m tests.kernels.ahead [capability]`, such as 90.

The interpreter proves what a kernel computes, not that Triton's compiler takes it. This runs the compiler down to
machine code, at the sizes of `limelight bench kernels`, without a GPU, a driver or the interpreter, and tells the
registers, what was spilled and the shared memory of each.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from tests.bench._table import show

__all__ = ["main"]

SHARED_MOST = 227 * 1024  # bytes a program may have on an H100 or H200


class NoCard:
    """What the compiler asks a driver for."""

    def __init__(self, capability: int) -> None:
        self._target = GPUTarget("cuda", capability, 32)

    def get_current_target(self) -> GPUTarget:
        return self._target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, _device: int = 0) -> int:
        return 0


def main(capability: int = 90) -> int:
    """Compile all; 1 where one asks for more than the card has. A compiler's error is raised."""
    driver.set_active(NoCard(capability))
    rows = list[dict[str, str | float]]()
    run = JITFunction.run

    def compiled(self: Any, *given: Any, **options: Any) -> Any:
        made = run(self, *given, **{**options, "warmup": True})  # everything but the launch
        rows.append({"kernel": self.__name__, **_resources(made)})
        return made

    JITFunction.run = compiled
    os.environ.pop("TRITON_INTERPRET", None)  # what benchmarks say where there is no GPU
    from tests.bench.kernels import Sizes, cases

    sizes = Sizes(sound=4096, pictures=1, captions=2, height=90)  # as compiled for many, but small to hold
    with torch.no_grad():
        for case in cases(torch.device("cpu"), sizes):
            case.kernel(*case.fresh())
    show(rows, title=f"compiled for sm_{capability}", as_json=False)
    return int(any(float(row["shared"]) > SHARED_MOST for row in rows))


def _resources(made: Any) -> dict[str, str | float]:
    """As NVIDIA's tool reads them from the machine code."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        said = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, timeout=60).stdout
    found = dict(re.findall(r"(REG|STACK):(\d+)", said))
    kept = {"registers": found.get("REG", "?"), "spilled": found.get("STACK", "?")}
    return {**kept, "shared": made.metadata.shared, "warps": str(made.metadata.num_warps)}


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

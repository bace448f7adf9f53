"""`--device`: what may be said, what it comes to, and what is told where there is no such GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import server
from streamer.place import find_place

no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


@pytest.mark.parametrize("said", ["gpu", "cuda:", "cuda:x", "CPU", "cuda:0,1"])
def test_what_is_no_device_is_refused(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        server.main(["serve", "--device", said])
    assert f"'{said}' is none of auto, cpu, cuda" in capsys.readouterr().err


@no_cuda
def test_a_gpu_that_is_asked_for_by_name_and_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert server.main(["serve", "--device", "cuda:1", "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "--device cuda:1: " in said and "say --device cpu" in said


@no_cuda
def test_auto_is_the_processor_where_there_is_no_gpu() -> None:
    assert find_place("auto") == find_place("cpu") == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_that_is_there() -> None:
    assert find_place("auto") == find_place("cuda") == "cuda:0"
    with pytest.raises(ValueError, match="there is no cuda:99"):
        find_place("cuda:99")


def test_saying_a_device_loads_no_torch() -> None:
    """The first page does not wait for it."""
    program = "import sys, server; server._parser('serve').parse_args(['serve', '--device', 'auto']); "
    program += "print(sorted({'torch', 'triton'} & set(sys.modules)))"
    root = Path(server.__file__).parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr

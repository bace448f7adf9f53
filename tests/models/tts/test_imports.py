"""What the voice is made of when it ships: permissive libraries, and no other synthesiser."""

import ast
import sys
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[3] / "models"
PERMISSIVE = {"models", "numpy", "safetensors", "torch", "torchaudio"}
PARTS = [*sorted((MODELS / "tts").glob("*.py")), MODELS / "vocoder.py", MODELS / "pronounce.py"]


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_only_permissive_libraries_are_imported(path: Path) -> None:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    assert found - sys.stdlib_module_names <= PERMISSIVE
    assert "subprocess" not in found

"""`limelight portrait`: from a picture to points, a proof and a consent, or a reason why not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="finding a face needs limelight[portrait]")
pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

import server
from models.portrait.points import NAMES, load
from tests.models.test_finder import ada

CONSENT = "This is me, and I agree. Ada Example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "made").mkdir()
    Image.fromarray(ada()).save(tmp_path / "me.png")
    return tmp_path


def portrait(*given: object) -> int:
    return server.main(["portrait", *map(str, given)])


def test_points_consent_and_proof_are_written_and_can_be_shown_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "made" / "ada.json"
    assert portrait(folder / "me.png", "-o", out, "--consent", CONSENT) == 0
    assert "ada.proof.png" in capsys.readouterr().err
    likeness = load(out)
    assert set(likeness.points) == set(NAMES) and likeness.consent == CONSENT
    proof = out.with_suffix(".proof.png")
    with Image.open(proof) as shown:
        before = np.asarray(shown).copy()
    told = json.loads(out.read_text())
    told["points"]["chin"][1] += 12
    out.write_text(json.dumps(told))
    assert portrait(out) == 0
    with Image.open(proof) as shown:
        assert np.abs(np.asarray(shown).astype(int) - before).max() > 100


def test_nothing_is_replaced_and_nobody_shown_who_has_not_agreed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert portrait(folder / "me.png") == 2
    assert "--consent" in capsys.readouterr().err and not (folder / "me.json").exists()
    (folder / "me.json").write_text("mine")
    assert portrait(folder / "me.png", "--consent", CONSENT) == 2
    assert "--force" in capsys.readouterr().err and (folder / "me.json").read_text() == "mine"
    assert portrait(folder / "me.png", "--consent", CONSENT, "-o", folder / "me.txt") == 2


def says(folder: Path, capsys: pytest.CaptureFixture[str], *options: object) -> str:
    assert portrait(folder / "me.png", "--consent", CONSENT, *options) == 1
    assert not (folder / "me.json").exists()
    return capsys.readouterr().err


def test_what_cannot_be_used_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "face_landmarker.task" in says(folder, capsys, "--face-model", folder / "none.task")
    Image.fromarray(ada()).resize((100, 100)).save(folder / "me.png")
    assert "less than 80 pixels wide; take a larger picture" in says(folder, capsys)
    (folder / "me.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    assert "no picture that can be read" in says(folder, capsys)
    Image.new("1", (9000, 9000)).save(folder / "me.png")
    assert "too large" in says(folder, capsys)


def test_without_its_library_it_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert "pip install 'limelight[portrait]'" in says(folder, capsys)

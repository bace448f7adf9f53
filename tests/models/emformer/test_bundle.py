"""The published files: read with sentencepiece, and refused with advice where they are missing or something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchaudio.models import emformer_rnnt_base

from models.emformer import assets
from models.emformer.assets import ASSETS, fetch_published
from models.emformer.bundle import load_bundle, load_vocabulary
from models.emformer.features import BANDS
from models.hub import Damaged, Unavailable

sentencepiece = pytest.importorskip("sentencepiece")


def pieces_at(path: Path, *, size: int) -> None:
    """A small vocabulary of the published kind, trained on a few made-up words."""
    words = [f"{a}{b}{c}" for a in ("ba", "ki", "lo", "mu") for b in ("ra", "ne", "ti") for c in ("", "sel", "dop")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words * 4),
        model_prefix=str(path.with_suffix("")),
        vocab_size=size,
        model_type="bpe",
        minloglevel=2,
    )


def test_the_vocabulary_is_what_sentencepiece_says(tmp_path: Path) -> None:
    path = tmp_path / "v.model"
    pieces_at(path, size=40)
    vocabulary, model = load_vocabulary(path), sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert vocabulary.blank == 40 == len(vocabulary.pieces)
    assert vocabulary.silent == {model.unk_id(), model.bos_id(), model.eos_id()}
    tokens = model.encode("baranesel kiti")
    assert "".join(vocabulary.pieces[token] for token in tokens).replace("▁", " ").strip() == "baranesel kiti"
    assert [vocabulary.begins(token) for token in tokens].count(True) == 2


def test_without_a_connection_the_advice_is_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(Unavailable) as raised:
        fetch_published(tmp_path)
    assert ASSETS[0].url in str(raised.value)
    assert str(tmp_path / ASSETS[0].name) in str(raised.value)


def test_without_sentencepiece_the_advice_is_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Callable[[str], None] = lambda _name: None  # noqa: E731
    monkeypatch.setattr(assets, "find_spec", missing)
    with pytest.raises(Unavailable, match=r"pip install 'limelight\[public\]'"):
        fetch_published(tmp_path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    weights, statistics, pieces = (tmp_path / asset.name for asset in ASSETS)
    pieces_at(pieces, size=40)
    statistics.write_text(json.dumps({"mean": [0.0] * BANDS, "invstddev": [1.0] * BANDS}))
    torch.save({"encoder.weight": torch.zeros(3)}, weights)
    with pytest.raises(Damaged, match="delete it and start again"):
        load_bundle(tmp_path)
    weights.write_bytes(b"<html>not found</html>")
    with pytest.raises(Damaged, match="delete it and start again"):
        load_bundle(tmp_path)


@pytest.mark.campaign
def test_a_file_of_the_published_size_loads(tmp_path: Path) -> None:
    """300 MB of random weights in the published form."""
    weights, statistics, pieces = (tmp_path / asset.name for asset in ASSETS)
    pieces_at(pieces, size=40)
    model = emformer_rnnt_base(num_symbols=41).eval()
    torch.save(model.state_dict(), weights)
    statistics.write_text(json.dumps({"mean": [15.0] * BANDS, "invstddev": [0.25] * BANDS}))
    bundle, x = load_bundle(tmp_path), torch.randn(1, 20, BANDS)
    want, _, _ = model.transcribe_streaming(x, torch.tensor([20]), None)
    encoder = bundle.encoder.encoder
    got, _ = encoder.step(x, encoder.initial_memory(1), torch.tensor([0]))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)

"""From a recording's alignment to what the acoustic model learns: times, clauses, pitch."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from models.recipes.aligning import Aligner, Piece, marked, open_ways
from models.recipes.phrases import Phrase, item_of, phrase_of, supply, tightened
from models.tts.features import BANDS, PITCH_ROW, VOICED_ROW
from models.tts.tokens import MARKS, NAMES, clause_tokens


def features(frames: int, silent: slice | None = None) -> np.ndarray:
    made = np.full((frames, 82), -5.0, np.float32)
    made[:, PITCH_ROW], made[:, VOICED_ROW] = 0.25, 1
    if silent:
        made[silent, :BANDS] = -10
    return made


def test_marks_follow_their_words_and_a_sentence_ends() -> None:
    assert marked("Well; no -- 'tis I, Tom's") == [("well", ":"), ("no", ","), ("tis", ""), ("i", ","), ("tom's", ".")]


def test_ways_have_stress_and_a_possessive_follows_its_stem(tmp_path: Path) -> None:
    path = tmp_path / "cmudict.dict"
    path.write_text("the DH AH0\nthe(2) DH AH1\nthe(3) DH IY0\nrose R OW1 Z\n")
    ways = open_ways(path, ["The rose's"])
    assert ways == {"rose's": [("R", "OW1", "Z", "IH0", "Z")], "the": [("DH", "AH0"), ("DH", "IY0")]}


def test_silence_at_a_phones_edge_is_the_pauses() -> None:
    pieces = [Piece("", "", -1, 0), Piece("AA1", "", 0, 20), Piece("", ",", 0, 5), Piece("IY1", "", 1, 10)]
    loud = np.ones(35, bool)
    loud[:8] = loud[15:28] = False
    frames = [piece.frames for piece in tightened(pieces, loud)]
    assert frames == [6, 10, 10, 9]
    assert sum(frames) == 35


def test_a_phrase_begins_with_its_first_phone_and_has_a_clause_a_mark() -> None:
    pieces = [Piece("", "", -1, 10), Piece("AH0", "", 0, 5), Piece("", ",", 0, 7), Piece("IY1", "", 1, 9)]
    phrase = phrase_of([*pieces, Piece("", ".", 1, 4)], features(35, silent=slice(0, 13)))
    assert [[NAMES[row[0]] for row in clause] for clause in phrase.tokens] == [["AH0", ""], ["IY1", ""]]
    assert [MARKS[clause[0, 1]] for clause in phrase.tokens] == [",", "."]
    assert sum(int(x.sum()) for x in phrase.lengths) == len(phrase.features) == 35 - 13 + 2
    second = phrase.cut(1, 2)
    assert len(second.features) == second.lengths.sum() == 13


def test_pitch_is_known_by_halves_and_carried_over_what_is_unvoiced() -> None:
    sound = features(30)
    sound[:10, PITCH_ROW], sound[10:20, VOICED_ROW], sound[20:, PITCH_ROW] = 0.1, 0, 0.3
    item = item_of(clause_tokens([("AA1", "S", "AA1")], "")[:3], np.array([10, 10, 10]), sound)
    assert item.sounding.tolist() == [[1, 1], [0, 0], [1, 1]]
    np.testing.assert_allclose(item.pitch.reshape(-1), [0.1, 0.1, 0.1 + 0.2 / 3, 0.1 + 0.4 / 3, 0.3, 0.3], atol=1e-6)


def test_every_drawn_phrase_fits_its_frames() -> None:
    tokens = [clause_tokens([("DH", "AH0"), ("K", "AE1", "T")], ","), clause_tokens([("S", "AE1", "T")], ".")]
    lengths = [np.array([4, 6, 7, 9, 5, 20]), np.array([8, 9, 6, 3])]
    phrase = Phrase(tokens, lengths, features(77, silent=slice(31, 51)))
    made = supply([phrase] * 8, seed=1)
    marks = set()
    for _ in range(12):
        sound, rows, frames, *_ = next(made)
        for one, row, long in zip(sound, rows, frames, strict=True):
            known = long >= 0
            assert int(long[known].sum()) == int((one[:, 0] != 0).sum())
            assert NAMES[row[known][-1, 0]] == ""
            marks |= {MARKS[mark] for mark in row[known][:, 1]}
    assert marks == {",", ".", ""}


@pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")
def test_pocketsphinx_finds_where_phones_are(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    path = tmp_path / "said.wav"
    subprocess.run(["flite", "-voice", "slt", "-t", "A big cat.", "-o", str(path)], check=True, timeout=20)
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    frames = len(pcm) // 160
    aligner = Aligner({"a": [("AH0",), ("EY1",)], "big": [("B", "IH1", "G")], "cat": [("K", "AE1", "T")]})
    made = aligner(pcm, "A big cat.", frames)
    assert made is not None
    assert sum(piece.frames for piece in made) == frames
    assert [piece.name for piece in made if piece.name][1:] == ["B", "IH1", "G", "K", "AE1", "T"]
    ends = np.cumsum([piece.frames for piece in made])
    level = [
        np.abs(pcm[160 * (end - piece.frames) : 160 * end].astype(float)).mean() if piece.frames else 0.0
        for piece, end in zip(made, ends, strict=True)
    ]
    loud = {piece.name: x for piece, x in zip(made, level, strict=True)}
    assert min(loud["IH1"], loud["AE1"]) > 2 * max(loud["K"], loud["T"])

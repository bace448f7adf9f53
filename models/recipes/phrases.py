"""Kathleen's recordings as the acoustic model learns them: clauses of phones, and what each phone sounded like.

Alignments are made once into the cache. Sentences are heard whole or cut at their marks, since the voice is given
clauses one by one. Knows nothing of networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from models.recipes.aligning import Aligned, Aligner, Piece, open_ways
from models.recipes.kathleen import Kathleen
from models.recipes.packs import find, open_clips, unpack
from models.tts.features import BANDS, PITCH_ROW, VOICED_ROW
from models.tts.tokens import FARTHEST, clause_tokens

__all__ = ["Item", "Phrase", "open_alignments", "phrase_of", "supply"]

SILENT = -8.6  # mean of the mel rows; speech lies above
ONSET = 2  # frames of silence kept before a phone that begins with one
LEAP = 0.2  # octaves from the neighbourhood's median: a tracker's slip
SHORT_TAIL = 12  # frames of silence at an end that may be made longer
LONGEST_TAIL = 40
BROKEN = 0.3  # of the phrases
BUDGET, POOL = 4_000, 96  # frames a batch; phrases sorted by length at a time

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Phrase:
    """Clauses one after the other; rows of `tokens` and the frames of `features` belong together."""

    tokens: list[NDArray[np.int64]]  # [N, 5] of each clause
    lengths: list[NDArray[np.int64]]  # [N] frames of each clause's rows
    features: Floats  # [T, 82]

    def cut(self, first: int, last: int) -> Item:
        """The clauses `first` to `last - 1`."""
        begin = int(sum(x.sum() for x in self.lengths[:first]))
        lengths = np.concatenate(self.lengths[first:last])
        return item_of(np.concatenate(self.tokens[first:last]), lengths, self.features[begin : begin + lengths.sum()])


@dataclass(frozen=True)
class Item:
    """What is learned from at a time; `sounding` is the share of each half phone that is voiced."""

    features: Floats  # [T, 82]
    tokens: NDArray[np.int64]  # [N, 5]
    lengths: NDArray[np.int64]  # [N]
    pitch: Floats  # [N, 2] row 80
    sounding: Floats  # [N, 2]
    energy: Floats  # [N] mean of the mel rows


def open_alignments(kathleen: Kathleen, packs: Path, cache: Path) -> list[Aligned | None]:
    """Each clip's phones, made into `cache` on first use (minutes); nothing where sound and text disagree."""
    path = cache / "kathleen-alignments.json"
    if not path.exists():
        heard = open_clips(cache, "kathleen", find(unpack(packs, cache / "unpacked"), "kathleen/*.opus"))
        aligner = Aligner(open_ways(packs / "text" / "cmudict.dict", kathleen.texts))
        made = [
            aligner(np.asarray(heard[i]), text, len(kathleen.features[kathleen.frames(i)]))
            for i, text in enumerate(track(kathleen.texts, "aligning"))
        ]
        path.write_text(json.dumps(made))
    found: list[Aligned | None] = json.loads(path.read_text())
    return [pieces and [Piece(*row) for row in pieces] for pieces in found]


def phrase_of(pieces: Aligned, features: Floats) -> Phrase:
    """Clauses from an alignment; what is silent before the first phone is left out."""
    pieces = tightened(pieces, features[:, :BANDS].mean(1) > SILENT)
    lead = pieces[0].frames if not pieces[0].name else 0
    clauses: list[list[Piece]] = [[]]
    for piece in pieces[0 if pieces[0].name else 1 :]:
        clauses[-1].append(piece)
        if piece.mark:
            clauses.append([])
    clauses = [clause for clause in clauses if clause]
    lengths = [np.array([piece.frames for piece in clause]) for clause in clauses]
    return Phrase([_tokens(clause) for clause in clauses], lengths, np.asarray(features[lead:]))


def tightened(pieces: Aligned, loud: NDArray[np.bool_]) -> Aligned:
    """Silent frames at the borders of pauses are given to the pauses."""
    frames = [piece.frames for piece in pieces]
    ends = np.cumsum(frames)
    for i, piece in enumerate(pieces):
        if piece.name:
            continue
        if i + 1 < len(pieces) and (here := loud[ends[i] : ends[i + 1]]).any():
            spare = max(0, min(int(here.argmax()) - ONSET, frames[i + 1] - 1))
            frames[i], frames[i + 1] = frames[i] + spare, frames[i + 1] - spare
        if i and (here := loud[ends[i - 1] - frames[i - 1] : ends[i - 1]]).any():
            spare = max(0, min(int(here[::-1].argmax()) - 1, frames[i - 1] - 1))
            frames[i], frames[i - 1] = frames[i] + spare, frames[i - 1] - spare
    return [Piece(p.name, p.mark, p.word, n) for p, n in zip(pieces, frames, strict=True)]


def _tokens(clause: list[Piece]) -> NDArray[np.int64]:
    words: list[list[str]] = []
    last = -2
    for piece in clause[:-1]:
        if piece.word != last or not piece.name:
            words.append([])
        words[-1].append(piece.name)
        last = piece.word if piece.name else -2
    return clause_tokens(words, clause[-1].mark)


def item_of(tokens: NDArray[np.int64], lengths: NDArray[np.int64], features: Floats) -> Item:
    """Pitch and energy of every row of `tokens`."""
    voiced = _trusted(features[:, PITCH_ROW], features[:, VOICED_ROW] > 0.5)
    ends = np.cumsum(lengths)
    halves = np.stack([ends - lengths, ends - lengths // 2, ends], 1)
    pitch, sounding = np.zeros((len(tokens), 2), np.float32), np.zeros((len(tokens), 2), np.float32)
    energy = np.zeros(len(tokens), np.float32)
    for i, (begin, middle, end) in enumerate(halves):
        energy[i] = features[begin : max(end, begin + 1), :BANDS].mean() if begin < len(features) else -10
        for k, part in enumerate((slice(begin, middle), slice(middle, end))):
            if voiced[part].any():
                sounding[i, k] = voiced[part].mean()
                pitch[i, k] = features[part, PITCH_ROW][voiced[part]].mean()
    return Item(features, tokens, lengths, _carried(pitch, sounding > 0), sounding, energy)


def _trusted(pitch: Floats, voiced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    around = np.lib.stride_tricks.sliding_window_view(np.pad(pitch, 5, mode="edge"), 11)
    steady: NDArray[np.bool_] = np.abs(pitch - np.median(around, 1)) < LEAP
    return voiced & steady


def _carried(pitch: Floats, known: NDArray[np.bool_]) -> Floats:
    """The points where there is no pitch lie on straight lines between those where there is."""
    if not known.any():
        return pitch
    flat, places = known.reshape(-1), np.arange(known.size)
    return np.interp(places, places[flat], pitch.reshape(-1)[flat]).reshape(pitch.shape).astype(np.float32)


def supply(phrases: list[Phrase], *, seed: int) -> Iterator[list[Tensor]]:
    """Endless batches of some `BUDGET` frames of phrases alike in length: see `batch`."""
    rng = np.random.default_rng(seed)
    while True:
        pool = [_drawn(phrases[k], rng) for k in rng.choice(len(phrases), min(POOL, len(phrases)), replace=False)]
        pool.sort(key=lambda item: len(item.features))
        count = -(-sum(len(item.features) for item in pool) // BUDGET)
        parts = [pool[k * len(pool) // count : (k + 1) * len(pool) // count] for k in range(count)]
        for k in rng.permutation(len(parts)):
            yield batch(parts[k])


def _drawn(phrase: Phrase, rng: np.random.Generator) -> Item:
    """All of it, or some of its clauses; a silence at the end is often made longer."""
    count = len(phrase.tokens)
    first = int(rng.integers(count)) if rng.random() < 0.5 else 0
    last = int(rng.integers(first, count)) + 1 if rng.random() < 0.5 else count
    item = phrase.cut(first, last)
    if rng.random() < BROKEN:
        return _broken(item, rng)
    return _longer_tail(item, int(rng.integers(1, LONGEST_TAIL)), rng) if rng.random() < 0.5 else item


def _broken(item: Item, rng: np.random.Generator) -> Item:
    """What is before a drawn word, without a mark, or what is from there on: readers cut clauses that have no marks."""
    starts = np.flatnonzero((item.tokens[:, 2] & 1) & (item.tokens[:, 0] > 0) & (item.tokens[:, 3] > 0))
    if not len(starts):
        return item
    at = int(rng.choice(starts))
    frame = int(item.lengths[:at].sum())
    ends = np.flatnonzero((item.tokens[:, 0] == 0) & (item.tokens[:, 2] == 0))
    begin, end = (int(x) for x in np.searchsorted(ends, at) + np.array([-1, 0]))
    if rng.random() < 0.5:
        clause = slice(int(ends[begin]) + 1 if begin >= 0 else 0, at)
        head = renumbered(np.concatenate([item.tokens[:at], clause_tokens([], "")]), clause)
        head[clause, 1] = 0
        return item_of(head, np.append(item.lengths[:at], 0), item.features[:frame])
    tail = renumbered(item.tokens[at:], slice(0, int(ends[end]) - at))
    return item_of(tail, item.lengths[at:], item.features[frame:])


def renumbered(tokens: NDArray[np.int64], clause: slice) -> NDArray[np.int64]:
    """A copy in which the rows `clause` know how far their own ends are."""
    made = tokens.copy()
    places = np.arange(clause.stop - clause.start)
    made[clause, 3], made[clause, 4] = np.minimum(places, FARTHEST), np.minimum(places[::-1], FARTHEST)
    return made


def _longer_tail(item: Item, extra: int, rng: np.random.Generator) -> Item:
    quiet = np.flatnonzero(item.features[:, :BANDS].mean(1) < SILENT - 0.8)
    if item.lengths[-1] > SHORT_TAIL or not len(quiet):
        return item
    rows = item.features[rng.choice(quiet, extra)].copy()
    rows[:, PITCH_ROW], rows[:, VOICED_ROW] = item.features[-1, PITCH_ROW], 0
    lengths = item.lengths.copy()
    lengths[-1] += extra
    features = np.concatenate([item.features, rows])
    return Item(features, item.tokens, lengths, item.pitch, item.sounding, item.energy)


def batch(items: list[Item]) -> list[Tensor]:
    """The fields of `Item` in their order, `[B, T, 82]` and `[B, N, …]`; lengths past a row's end are -1."""
    names = ("features", "tokens", "lengths", "pitch", "sounding", "energy")
    return [_stacked([getattr(item, name) for item in items], -1 if name == "lengths" else 0) for name in names]


def _stacked(rows: list[NDArray[np.float32]] | list[NDArray[np.int64]], fill: int) -> Tensor:
    tensors = [torch.tensor(row) for row in rows]
    return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=fill)

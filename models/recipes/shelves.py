"""Which shelves of energies the recogniser learns from, how often, and how they make batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.recipes.bands import VARIANTS, Shelf, open_shelf
from models.recipes.packs import Clips, find, is_held_back, open_clips, unpack
from models.recipes.rooms import open_rooms
from models.recipes.spoken import open_spoken
from models.recipes.transcripts import (
    Lexicon,
    add_guesses,
    open_lexicon,
    open_sentences,
    open_transcribed,
    phones_of,
)

__all__ = ["POLISH_WEIGHTS", "WEIGHTS", "held_shelves", "learned_shelves", "noise_shelf", "supply"]

WEIGHTS = {"so": 0.30, "libri": 0.24, "kathleen": 0.16, "spoken": 0.30, "heard": 0.28}
POLISH_WEIGHTS = {"so": 0.12, "libri": 0.24, "kathleen": 0.36, "spoken": 0.15, "heard": 0.25}
BELIEVED = 0.75  # of what an earlier recogniser heard
LONGEST, BUDGET, POOL = 1_600, 8_000, 64
GAPS = 40  # frames of quiet between joined utterances, at most


def _lexicon(packs: Path, texts: list[str]) -> Lexicon:
    lexicon = open_lexicon(packs)
    add_guesses(lexicon, texts)
    return lexicon


def learned_shelves(packs: Path, cache: Path, *, spoken: int, heard: Path | None) -> dict[str, list[Shelf]]:
    """Every variant of every set to learn from.

    Args:
        spoken: how many sentences programs read aloud.
        heard: what an earlier recogniser made of untranscribed recordings, if that is to be learned from.
    """
    sets = open_transcribed(packs, cache)
    rooms = open_rooms(cache, unpack(packs, cache / "unpacked"))
    lexicon = _lexicon(packs, [text for spoken in sets.values() for text in spoken.texts])
    jobs = {name: (s.clips, s.texts, s.learned) for name, s in sets.items()}
    if spoken:
        read, texts = open_spoken(cache, open_sentences(packs, lexicon, count=spoken, seed=1), seed=1)
        jobs["spoken"] = (read, texts, list(range(len(texts))))
    if heard:
        jobs[f"heard-{heard.stem}"] = _believed(packs, cache, heard)
    shelves: dict[str, list[Shelf]] = {}
    for name, (clips, words, chosen) in jobs.items():
        phones = {i: p for i in chosen if (p := phones_of(words[i], lexicon))}
        variants = ("as-is", "room") if name == "spoken" else tuple(VARIANTS)
        shelves[name] = [open_shelf(cache, name, v, clips=clips, phones=phones, rooms=rooms) for v in variants]
    return shelves


def _believed(packs: Path, cache: Path, table: Path) -> tuple[Clips, list[str], list[int]]:
    """The recordings of `clean/` and what was heard in them, the surest first, less the most doubtful."""
    clips = open_clips(cache, "clean", find(unpack(packs, cache / "unpacked"), "clean/*.opus"))
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    sure = {name: words for name, _, words in rows[: int(len(rows) * BELIEVED)]}
    texts = [sure.get(name, "") for name in clips.names]
    return clips, texts, [i for i, name in enumerate(clips.names) if name in sure]


def held_shelves(packs: Path, cache: Path) -> list[Shelf]:
    """What is kept for measuring, as recorded."""
    sets = open_transcribed(packs, cache)
    lexicon = _lexicon(packs, [text for spoken in sets.values() for text in spoken.texts])
    none = np.zeros((0, 2, 0), np.float32)
    made = []
    for name, s in sets.items():
        phones = {i: p for i in s.held if (p := phones_of(s.texts[i], lexicon))}
        made.append(open_shelf(cache, f"held-{name}", "as-is", clips=s.clips, phones=phones, rooms=none))
    return made


def noise_shelf(packs: Path, cache: Path) -> Shelf:
    """Noises to mix in; they have no phones."""
    clips = open_clips(cache, "noise", find(unpack(packs, cache / "unpacked"), "noise/*.opus"))
    chosen: dict[int, list[int]] = {i: [] for i, name in enumerate(clips.names) if not is_held_back(name)}
    return open_shelf(cache, "noise", "as-is", clips=clips, phones=chosen, rooms=np.zeros((0, 2, 0), np.float32))


Item = tuple[NDArray[np.float16], list[int]]


def supply(
    shelves: dict[str, list[Shelf]], *, seed: int, weights: Mapping[str, float] = WEIGHTS
) -> Iterator[list[Tensor]]:
    """Endless batches of some `BUDGET` frames of utterances alike in length: see `_batch`."""
    rng = np.random.default_rng(seed)
    names = list(shelves)
    odds = np.array([weights[name.split("-")[0]] for name in names])
    while True:
        pool = [_item(shelves[names[k]], rng) for k in rng.choice(len(names), POOL * 2, p=odds / odds.sum())]
        pool.sort(key=lambda item: len(item[0]))
        batches = list(_cut(pool))
        for i in rng.permutation(len(batches)):
            yield _batch(batches[i])


def _item(shelves: list[Shelf], rng: np.random.Generator) -> Item:
    """One utterance, or several of a set one after the other, up to a drawn length."""
    wanted = rng.uniform(250, LONGEST)
    shelf = shelves[rng.integers(len(shelves))]
    pieces: list[NDArray[np.float16]] = []
    phones: list[int] = []
    total = 0
    while not pieces or total < wanted:
        i = int(rng.integers(len(shelf)))
        if pieces and total + shelf.length(i) > wanted:
            break
        x = shelf[i]
        quiet = np.repeat(np.minimum(x[:2], x[-2:]).min(0)[None], rng.integers(GAPS), 0)
        pieces += [quiet, x]
        phones += shelf.phones[i]
        total += len(quiet) + len(x)
    return np.concatenate(pieces), phones


def _cut(pool: list[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in pool:
        if batch and len(item[0]) * (len(batch) + 1) > BUDGET:
            yield batch
            batch = []
        batch.append(item)
    yield batch


def _batch(items: list[Item]) -> list[Tensor]:
    """Frames `[B, T, bands]`, how many are real `[B]`, phones `[B, U]`, how many `[B]`."""
    longest = -(-max(len(x) for x, _ in items) // 4) * 4
    frames = np.stack([np.pad(x, ((0, longest - len(x)), (0, 0)), mode="edge") for x, _ in items])
    counts = [len(p) for _, p in items]
    phones = np.stack([np.pad(p, (0, max(counts) - len(p))) for _, p in items])
    lengths = torch.tensor([len(x) for x, _ in items])
    return [torch.from_numpy(frames).float(), lengths, torch.from_numpy(phones).long(), torch.tensor(counts)]

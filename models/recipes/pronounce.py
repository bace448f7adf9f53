"""How the letters' model is made: `python -m models.recipes.pronounce CMUDICT --out DIR`, in a minute or two.

Letters are aligned with phones by repeated best paths, each letter standing for none, one or two phones; the pairs'
n-gram is Kneser-Ney's. Every 20th word, by hash, is held back; prints how many of its phones and words come out wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from models.pronounce import BEGIN, END, MARKS, PairModel
from models.recipes.kneser_ney import Sizes, train
from models.recipes.language import pronunciations
from models.stt.ngram import NGram
from models.stt.scoring import edits
from models.tables import save_tables

__all__ = ["aligned", "main"]

ROUNDS, SAMPLED = 5, 6  # the first rounds look at every sixth word
RAREST = 12  # a pair seen less often is not kept, nor are the words that need it
KEPT = (12_000, 45_000, 50_000, 40_000, 25_000)
Word = tuple[str, tuple[str, ...]]
Costs = dict[tuple[str, tuple[str, ...]], float]


def aligned(word: Word, costs: Costs) -> list[tuple[str, tuple[str, ...]]] | None:
    """The cheapest pairs for a word's letters and phones."""
    letters, phones = word
    best: dict[int, tuple[float, list[tuple[str, tuple[str, ...]]]]] = {0: (0.0, [])}
    for i, letter in enumerate(letters):
        found: dict[int, tuple[float, list[tuple[str, tuple[str, ...]]]]] = {}
        for at, (cost, pairs) in best.items():
            for take in range(3):
                pair = (letter, phones[at : at + take])
                if at + take > len(phones) or len(phones) - at - take > 2 * (len(letters) - i - 1):
                    continue
                total = cost + costs.get(pair, 12.0 + 2 * take)
                if at + take not in found or total < found[at + take][0]:
                    found[at + take] = (total, [*pairs, pair])
        best = found
    return best[len(phones)][1] if len(phones) in best else None


def first_costs(words: Iterable[Word]) -> Costs:
    """A guess to start from: letters and phones at the same share of the word belong together."""
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for letters, phones in words:
        for i, letter in enumerate(letters):
            seen[(letter, (phones[i * len(phones) // len(letters)],))] += 1
    costs = _costs(seen)
    return costs | {(letter, ()): 3.0 for letter in "abcdefghijklmnopqrstuvwxyz'"}


def _costs(seen: Counter[tuple[str, tuple[str, ...]]]) -> Costs:
    letters: Counter[str] = Counter()
    for (letter, _), times in seen.items():
        letters[letter] += times
    return {pair: -math.log(times / letters[pair[0]]) for pair, times in seen.items()}


def learned_costs(words: Sequence[Word]) -> Costs:
    costs = first_costs(words)
    for _ in range(ROUNDS):
        chains = (aligned(word, costs) for word in words[::SAMPLED])
        costs = _costs(Counter(pair for chain in chains if chain for pair in chain))
    return costs


def fitted(words: Sequence[Word]) -> PairModel:
    """Pairs and their n-gram."""
    costs = learned_costs(words)
    chains = [chain for word in words if (chain := aligned(word, costs))]
    times = Counter(pair for chain in chains for pair in chain)
    names = {pair: f"{pair[0]}:{' '.join(pair[1])}" for pair, n in times.items() if n >= RAREST}
    pairs = [*MARKS, *sorted(names.values())]
    number = {name: i for i, name in enumerate(pairs)}
    sequence = []
    for chain in chains:
        if all(pair in names for pair in chain):
            sequence += [BEGIN, *(number[names[pair]] for pair in chain), END]
    return PairModel(pairs, train(np.array(sequence), Sizes(len(pairs), KEPT, BEGIN)))


def judged(model: PairModel, held: dict[str, list[tuple[str, ...]]]) -> tuple[float, float]:
    """Phone and word errors against the nearest of a word's pronunciations."""
    wrong = phones = words = 0
    for word, ways in held.items():
        made = model.phones(word)
        errors, length = min((edits(way, made), len(way)) for way in ways)
        wrong, phones, words = wrong + errors, phones + length, words + (errors > 0)
    return wrong / phones, words / len(held)


def is_held_back(word: str) -> bool:
    return int(hashlib.md5(word.encode()).hexdigest(), 16) % 20 == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cmudict", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    dictionary = pronunciations(told.cmudict)
    learned = [(word, way) for word, ways in dictionary.items() if not is_held_back(word) for way in ways]
    model = fitted(learned)
    arrays = model.ngram.to_arrays() | {"pairs": np.frombuffer("\n".join(model.pairs).encode(), np.uint8)}
    told.out.mkdir(parents=True, exist_ok=True)
    save_tables(arrays, told.out / "pronounce.safetensors.xz")
    held = {word: ways for word, ways in dictionary.items() if is_held_back(word)}
    phones, words = judged(PairModel(model.pairs, NGram.from_arrays(arrays)), held)
    print(f"{len(model.pairs)} pairs, {[len(level.score) for level in model.ngram.levels]} n-grams")
    print(f"{len(held)} held-back words: {100 * phones:.1f} % of phones wrong, {100 * words:.1f} % of words")


if __name__ == "__main__":
    main()

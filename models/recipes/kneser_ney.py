"""Modified Kneser-Ney n-grams (Chen and Goodman, 1998), pruned to a size, from one sequence of word numbers.

It counts with sorted 64-bit keys, so the vocabulary to the power of the order must stay below 2^63. It knows neither
what the words say nor where they came from.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.stt.ngram import NGram, link

__all__ = ["Sizes", "train"]

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Sizes:
    """The vocabulary, how many entries each order above the first may keep, and the word that starts a sequence.

    `never` words keep no n-gram of their own; `extra` is added to the first order's counts, `[words]`.
    """

    words: int
    kept: Sequence[int]
    start: int
    never: Sequence[int] = ()
    extra: Doubles | None = None


@dataclass
class _Order:
    """N-grams as numbers in base `words`, ascending; what each is worth over backing off is `gain`."""

    keys: Ints
    seen: Doubles
    p: Doubles
    gain: Doubles


def train(sequence: Ints, sizes: Sizes) -> NGram:
    """An n-gram model of order `1 + len(sizes.kept)`; no n-gram reaches back over `sizes.start`."""
    raw = [_counted(sequence, n, sizes) for n in range(1, len(sizes.kept) + 2)]
    orders = [_first(raw, sizes)]
    for n in range(1, len(raw)):
        counts = raw[n][1] if n == len(raw) - 1 else _continuations(raw, n, sizes.words)
        orders.append(_smoothed(raw[n], counts, orders[-1], words=sizes.words, n=n))
    return _assembled(_pruned(orders, sizes), sizes.words)


def _counted(sequence: Ints, n: int, sizes: Sizes) -> tuple[Ints, Doubles]:
    """Every n-gram and how often it was seen."""
    places = np.arange(len(sequence))
    since = places - np.maximum.accumulate(np.where(sequence == sizes.start, places, 0))
    key = np.zeros(len(sequence) - n + 1, np.int64)
    for i in range(n):
        key = key * sizes.words + sequence[i : len(sequence) - n + 1 + i]
    whole = (since[n - 1 :] >= n - 1) & (sequence[n - 1 :] != sizes.start)
    keys, seen = np.unique(key[whole], return_counts=True)
    return keys, seen.astype(np.float64)


def _continuations(raw: Sequence[tuple[Ints, Doubles]], n: int, words: int) -> Doubles:
    """How many different words come before each n-gram; what begins a sequence keeps its count."""
    keys, seen = raw[n]
    at = np.searchsorted(keys, raw[n + 1][0] % words ** (n + 1))
    before = np.bincount(at, minlength=len(keys)).astype(np.float64)
    return np.where(before > 0, before, seen)


def _first(raw: Sequence[tuple[Ints, Doubles]], sizes: Sizes) -> _Order:
    """The first order spans the whole vocabulary."""
    counts = np.full(sizes.words, 0.01)
    counts[raw[0][0]] += _continuations(raw, 0, sizes.words)
    counts += 0 if sizes.extra is None else sizes.extra
    counts[sizes.start] = 1e-6
    every = np.arange(sizes.words)
    return _Order(every, counts, counts / counts.sum(), counts)


def _discounts(counts: Doubles) -> Doubles:
    """What to take off n-grams seen once, twice and more often; `[4]`."""
    n1, n2, n3, n4 = (max(float((counts == i).sum()), 1.0) for i in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    given = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    held: Doubles = np.clip(given, [0, 0.1, 0.2, 0.3], [0, 0.95, 1.9, 2.9])
    return held


def _smoothed(raw: tuple[Ints, Doubles], counts: Doubles, below: _Order, *, words: int, n: int) -> _Order:
    """Interpolated probabilities, and what each entry gains over the orders below."""
    keys, seen = raw
    discount = _discounts(counts)[np.minimum(counts, 3).astype(np.int64)]
    _, context = np.unique(keys // words, return_inverse=True)
    total = np.bincount(context, counts)
    left = (np.bincount(context, discount) / total)[context]
    shorter = left * below.p[np.searchsorted(below.keys, keys % words**n)]
    p = (counts - discount) / total[context] + shorter
    return _Order(keys, seen, p, seen * np.log(p / shorter))


def _pruned(orders: list[_Order], sizes: Sizes) -> list[_Order]:
    """The most gainful entries of each order, with every context that a longer entry needs."""
    kept = [orders[0]]
    needed: list[Ints] = [np.zeros(0, np.int64)]
    for order, limit in zip(reversed(orders[1:]), reversed(sizes.kept), strict=True):
        gain = np.where(_usable(order.keys, sizes), order.gain, -np.inf)
        must = np.isin(order.keys, needed[-1])
        gain[must] = np.inf
        room = min(max(limit, int(must.sum())), len(gain))
        best = np.sort(np.argpartition(-gain, room - 1)[:room])
        best = best[gain[best] > 0]
        kept.insert(1, _Order(order.keys[best], order.seen[best], order.p[best], order.gain[best]))
        shorter = sizes.words ** (len(orders) - len(kept) + 1)
        needed.append(np.unique(np.concatenate([kept[1].keys // sizes.words, kept[1].keys % shorter])))
    return kept


def _usable(keys: Ints, sizes: Sizes) -> NDArray[np.bool_]:
    """Whether an n-gram is free of the words that keep none."""
    usable = np.ones(len(keys), np.bool_)
    while keys.any():
        keys, word = np.divmod(keys, sizes.words)
        usable &= ~np.isin(word, sizes.never) | (keys == 0) & (word == 0)
    return usable


def _assembled(orders: list[_Order], words: int) -> NGram:
    """Entries linked to their contexts, backoffs chosen so that every context sums to one."""
    keys, backoffs = [orders[0].keys], []
    for n, (below, order) in enumerate(itertools.pairwise(orders), 1):
        context = np.searchsorted(below.keys, order.keys // words)
        lower = below.p[np.searchsorted(below.keys, order.keys % words**n)]
        above, rest = (1 - np.bincount(context, p, minlength=len(below.keys)) for p in (order.p, lower))
        backoffs.append(np.log(np.maximum(above, 1e-6) / np.maximum(rest, 1e-6)).astype(np.float32))
        keys.append(context * words + order.keys % words)
    scores = [np.log(order.p).astype(np.float32) for order in orders]
    return NGram(link(keys, scores, [*backoffs, np.zeros(0, np.float32)]))

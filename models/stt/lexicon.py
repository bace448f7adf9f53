"""Words and how they are pronounced, and the prefix tree of their phones that the search walks.

A word is a number, its place in `Lexicon.words`; the first few are no words but marks of the language model. Stress is
not kept. It knows nothing of probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.stt.phones import INDEX

__all__ = ["MARKS", "SENTENCE_END", "SENTENCE_START", "UNKNOWN", "Lexicon", "Tree", "build_tree", "ranges"]

MARKS = ("<unk>", "<s>", "</s>")
UNKNOWN, SENTENCE_START, SENTENCE_END = range(3)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Lexicon:
    """`words[w]` may have several pronunciations: `said[i]`, phones by number, is one of word `said_word[i]`."""

    words: list[str]
    said: list[bytes]
    said_word: Ints

    @cached_property
    def index(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def pronunciations(self, word: str) -> list[bytes]:
        """The ways to say a word, phones by number; none for a word it does not have."""
        at = self.index.get(word)
        return [] if at is None else [self.said[i] for i in np.flatnonzero(self.said_word == at)]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        ways = np.bincount(self.said_word, minlength=len(self.words))
        return {
            "lexicon.words": np.frombuffer("\n".join(self.words).encode(), np.uint8),
            "lexicon.ways": ways.astype(np.uint8),
            "lexicon.lengths": np.array([len(s) for s in self.said], np.uint8),
            "lexicon.phones": np.frombuffer(b"".join(self.said), np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Lexicon:
        words = arrays["lexicon.words"].tobytes().decode().split("\n")
        ends = np.cumsum(arrays["lexicon.lengths"].astype(np.int64)).tolist()
        flat = arrays["lexicon.phones"].tobytes()
        said = [flat[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        return cls(words, said, np.repeat(np.arange(len(words)), arrays["lexicon.ways"].astype(np.int64)))

    @classmethod
    def of(cls, pronounced: Sequence[tuple[str, Sequence[Sequence[str]]]]) -> Lexicon:
        """From words with their pronunciations in phones; the marks are put before them."""
        words = [*MARKS, *(word for word, _ in pronounced)]
        said = [bytes(INDEX[p] for p in way) for _, ways in pronounced for way in ways]
        owner = [len(MARKS) + i for i, (_, ways) in enumerate(pronounced) for _ in ways]
        return cls(words, said, np.array(owner, np.int64))


@dataclass(frozen=True, slots=True)
class Tree:
    """Prefix tree in breadth-first order, node 0 the root; children of a node, and the words it ends, are neighbours.

    `best[n]` is the best first-order log probability of the words that node n leads to; 0 at the root.
    """

    phone: Ints  # [nodes]
    first_child: Ints
    children: Ints
    first_word: Ints
    ends: Ints
    words: Ints
    best: NDArray[np.float32]


def build_tree(said: Sequence[bytes], words: Ints, chance: NDArray[np.float32]) -> Tree:
    """The tree of pronunciations `said[i]` of `words[i]`, whose log probability is `chance[i]`."""
    table = _table(said)
    order = np.lexsort(table.T[::-1])
    table, changed = table[order], np.arange(len(table)) == 0
    node, count = np.zeros(len(table), np.int64), 1
    phone, parent = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
    for column in table.T:
        there = column > 0
        changed[1:] |= column[1:] != column[:-1]
        new = changed & there
        phone.append(column[new].astype(np.int64))
        parent.append(node[new])
        node = np.where(there, count - 1 + np.cumsum(new), node)
        count += int(new.sum())
    return _laid_out(np.concatenate(phone), np.concatenate(parent), (node, words[order], chance[order]))


def _table(said: Sequence[bytes]) -> NDArray[np.uint8]:
    """Pronunciations as rows, filled up with 0."""
    depth = max(len(way) for way in said)
    return np.frombuffer(b"".join(way.ljust(depth, b"\0") for way in said), np.uint8).reshape(-1, depth)


def _laid_out(phone: Ints, parent: Ints, ends: tuple[Ints, Ints, NDArray[np.float32]]) -> Tree:
    """Child and word ranges by node, and the best word below each."""
    at_end, words, chance = ends
    nodes = len(phone)
    children = np.bincount(parent[1:], minlength=nodes)
    by_node = np.argsort(at_end, kind="stable")
    best = np.full(nodes, -np.inf, np.float32)
    np.maximum.at(best, at_end, chance)
    for n in range(nodes - 1, 0, -1):
        best[parent[n]] = max(best[parent[n]], best[n])
    best[0] = 0
    ending = np.bincount(at_end, minlength=nodes)
    first_child = 1 + np.cumsum(children) - children
    return Tree(phone, first_child, children, np.cumsum(ending) - ending, ending, words[by_node], best)


def ranges(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """All of `first[i], first[i] + 1, ...`, `count[i]` of each i, one after another; and the i of each."""
    each = np.repeat(np.arange(len(first)), count)
    return np.arange(len(each)) + (first - np.cumsum(count) + count)[each], each

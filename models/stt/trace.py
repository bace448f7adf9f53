"""The words behind the hypotheses of a search: a tree of word ends that shrinks again as hypotheses die.

An entry is a number; -1 is the beginning. Entries lie after their parents. It knows frames and word numbers, and
neither phones nor probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trace"]

Ints = NDArray[np.int64]
FIELDS = ("parent", "word", "start", "end", "depth")


class Trace:
    """Entries with parent, word, start and end frame, depth, what the word missed of the best phones' score, and how
    much of the beam agreed with it when least did."""

    def __init__(self) -> None:
        self.size = 0
        self.parent, self.word, self.start, self.end, self.depth = (np.zeros(256, np.int64) for _ in FIELDS)
        self.missed, self.share = np.zeros(256, np.float32), np.ones(256, np.float32)

    def add(self, parent: Ints, word: Ints, start: Ints, end: int, missed: NDArray[np.float32]) -> Ints:
        """New entries, all ending at one frame; their numbers."""
        new = np.arange(self.size, self.size + len(parent))
        if self.size + len(parent) > len(self.word):
            self._grow(2 * (self.size + len(parent)))
        self.parent[new], self.word[new], self.start[new], self.end[new] = parent, word, start, end
        self.depth[new] = np.where(parent < 0, 0, self.depth[parent]) + 1
        self.missed[new], self.share[new] = missed, 1.0
        self.size += len(new)
        return new

    def _grow(self, room: int) -> None:
        for name in (*FIELDS, "missed", "share"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros(room - len(old), old.dtype)]))

    def path(self, entry: int) -> list[int]:
        """The entries from the beginning to this one."""
        found = []
        while entry >= 0:
            found.append(entry)
            entry = int(self.parent[entry])
        return found[::-1]

    def lifted(self, entries: Ints, depth: int) -> Ints:
        """Each entry's ancestor at `depth`, or itself where it is not deeper; -1 at depth 0."""
        entries = entries.copy()
        while True:
            deep = np.flatnonzero(entries >= 0)
            deep = deep[self.depth[entries[deep]] > depth]
            if not len(deep):
                return entries
            entries[deep] = self.parent[entries[deep]]

    def weigh(self, path: Sequence[int], entries: Ints, weight: NDArray[np.float32]) -> None:
        """Notes how much of the weight of `entries` has the words of `path` in the same places."""
        for entry in path:
            same = self.lifted(entries, int(self.depth[entry]))
            agreed = float(weight[(same >= 0) & (self.word[same] == self.word[entry])].sum())
            self.share[entry] = min(self.share[entry], agreed / float(weight.sum()))

    def shared(self, entries: Ints) -> int:
        """The deepest entry that all of these have behind them; -1 if there is none."""
        entries = np.unique(entries)
        while len(entries) > 1 and entries[0] >= 0:
            low = int(self.depth[entries].min())
            same = int(self.depth[entries].max()) == low
            entries = np.unique(self.parent[entries] if same else self.lifted(entries, low))
        return int(entries[0])

    def keep(self, entries: Ints, root: int) -> Ints:
        """Forgets `root`, all before it and all that no entry needs; the new numbers of `entries`."""
        needed = np.zeros(self.size + 1, np.bool_)  # the last place is for -1
        front = np.unique(entries)
        while len(front):
            needed[front] = True
            front = np.unique(self.parent[front[front >= 0]])
            front = front[~needed[front] & (front > root)]
        needed[-1] = False
        if root >= 0:
            needed[: root + 1] = False
        kept = np.flatnonzero(needed[: self.size])
        numbers = np.full(self.size + 1, -1)
        numbers[kept] = np.arange(len(kept))
        levels = int(self.depth[root]) if root >= 0 else 0
        parents, depths = numbers[self.parent[kept]], self.depth[kept] - levels
        for name in ("word", "start", "end", "missed", "share"):
            getattr(self, name)[: len(kept)] = getattr(self, name)[kept]
        self.parent[: len(kept)], self.depth[: len(kept)] = parents, depths
        self.size = len(kept)
        out: Ints = numbers[entries]
        return out

"""Words that are likely to be said raise the odds of their letters, as a search spells them out token by token.

A hypothesis stands on a node: how much of a hot word its last tokens spell. Every letter on the way adds to its score;
leaving the way before the word's end takes all of it back (as in shallow fusion with a graph of words: Zhao et al.,
Interspeech 2019). Works on what pieces write, so any way to cut a word into pieces counts. Knows no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["BONUS", "HotWords", "Node"]

Node: TypeAlias = str
"""The letters of a hot word that are spelt so far, "▁" for its beginning; empty: none."""

BONUS = 0.5  # nats a letter: a piece of three letters gets the 1.5 that others give a piece


class HotWords:
    """For one list of words or phrases; `pieces` are those of the vocabulary."""

    def __init__(self, words: Sequence[str], pieces: Sequence[str], *, bonus: float = BONUS) -> None:
        self._bonus, self._tokens = bonus, {piece.lower(): token for token, piece in enumerate(pieces)}
        self._begins = torch.tensor([piece.startswith("▁") for piece in pieces])
        self._whole = sorted({"▁" + "▁".join(word.lower().split()) for word in words if word.strip()})
        self._first = self._onward("")
        self._steps: dict[Node, tuple[Tensor, dict[int, Node]]] = {}

    def __bool__(self) -> bool:
        return bool(self._whole)

    def changes(self, node: Node) -> Tensor:
        """What each token adds to the score of a hypothesis on `node`, `[pieces]`."""
        return self._step(node)[0]

    def after(self, node: Node, token: int) -> Node:
        return self._step(node)[1].get(token, "")

    def _step(self, node: Node) -> tuple[Tensor, dict[int, Node]]:
        """Worked out once a node, and kept."""
        if node not in self._steps:
            onward = self._onward(node)
            self._steps[node] = self._changed(node, onward), self._first | onward
        return self._steps[node]

    def _onward(self, node: Node) -> dict[int, Node]:
        """The tokens that spell on, each with where it leads."""
        words, start = [word for word in self._whole if word.startswith(node)], len(node)
        longer = {word[:end] for word in words for end in range(start + 1, len(word) + 1)}
        found = {self._tokens.get(there[start:]): there for there in longer}
        return {token: there for token, there in found.items() if token is not None}

    def _changed(self, node: Node, onward: dict[int, Node]) -> Tensor:
        """Whoever leaves the way loses what it was worth, unless a word ends here and another begins."""
        change = torch.full(self._begins.shape, -self._worth(node))
        if node in self._whole:
            change[self._begins] = 0.0
        for token, there in self._first.items():
            change[token] += self._worth(there)
        for token, there in onward.items():
            change[token] = self._worth(there) - self._worth(node)
        return change

    def _worth(self, node: Node) -> float:
        """By the letters; the mark of a beginning alone says nothing yet."""
        return self._bonus * len(node.replace("▁", ""))

"""From columns of the encoding to words: a transducer's beam search that is pushed column by column.

The search is breadth-first over the tokens of one column (Graves, 2012, with the usual cap on the beam): before time
moves on, every hypothesis may grow by tokens, and hypotheses with equal tokens are one. The prediction and joint
networks are torchaudio's. A plain object of one session, outside the tick; falls back to a beam of one when late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.models import RNNT

from models.emformer.hot import HotWords, Node
from models.emformer.network import COLUMN_S

__all__ = ["Hypothesis", "Limits", "Search", "Vocabulary", "Word"]

Memory: TypeAlias = list[list[Tensor]]
"""The prediction network's state: a list a layer, one row a hypothesis."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the columns (40 ms) in which it was emitted, since the search began; the end is exclusive."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a search may go: hypotheses kept, and tokens emitted in one column."""

    beam: int = 4
    tokens: int = 8


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The text of every token, "▁" where a word begins; those in `silent` write nothing. The blank comes after all."""

    pieces: tuple[str, ...]
    silent: frozenset[int] = frozenset()

    @property
    def blank(self) -> int:
        return len(self.pieces)

    def begins(self, token: int) -> bool:
        return self.pieces[token].startswith("▁")


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """Tokens, the column and log odds of each, the log probability of all ways to them, and what predicts more."""

    tokens: tuple[int, ...]
    columns: tuple[int, ...]
    odds: tuple[float, ...]
    score: float
    predicted: Tensor  # [encoding]
    memory: Memory  # of one row
    node: Node = ""  # how much of a hot word the last tokens spell; what that is worth is in the score

    @property
    def rank(self) -> float:
        """Score a token, the start counted as one and the one to come as another."""
        return self.score / (len(self.tokens) + 2)


class Search:
    """One segment of speech. `model`, `vocabulary` and `hot` (words likely to be said) may be shared by searches.

    `budget`: seconds of computing per second of sound; a push that is behind it goes on with a beam of one.
    """

    def __init__(
        self,
        model: RNNT,
        vocabulary: Vocabulary,
        *,
        hot: HotWords | None = None,
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._model, self._vocabulary, self._limits, self._clock = model, vocabulary, limits, clock
        self.budget = math.inf
        self._column, self._hot = 0, hot or None
        with torch.inference_mode():
            predicted, memory = self._predict([vocabulary.blank], None)
        self._beam = [Hypothesis((), (), (), 0.0, predicted[0], memory)]

    @property
    def beam(self) -> Sequence[Hypothesis]:
        """What survived the last column, best first."""
        return self._beam

    def push(self, columns: NDArray[np.float32]) -> None:
        """Take `[T, encoding]`."""
        begin = self._clock()
        with torch.inference_mode():
            for done, column in enumerate(torch.from_numpy(np.ascontiguousarray(columns))):
                late = self._clock() - begin >= self.budget * COLUMN_S * (done + 1)
                self._beam = self._advance(column, 1 if late else self._limits.beam)
                self._column += 1

    @property
    def words(self) -> list[Word]:
        """The words of the best hypothesis."""
        best, words = self._beam[0], list[Word]()
        for start, end in self._spans(best.tokens):
            if text := self._text(best.tokens[start:end]):
                confidence = float(np.exp(np.mean(best.odds[start:end])))
                words.append(Word(text, best.columns[start], best.columns[end - 1] + 1, confidence))
        return words

    @property
    def stable(self) -> int:
        """How many leading words can no longer change: every hypothesis has them and the beginning of one more."""
        tokens, shared = self._beam[0].tokens, self._shared()
        return sum(end < shared and self._text(tokens[start:end]) != "" for start, end in self._spans(tokens))

    def finish(self) -> list[Word]:
        """The final words."""
        return self.words

    def _shared(self) -> int:
        """Length of the prefix that all hypotheses share."""
        first = self._beam[0].tokens
        others = [hypothesis.tokens for hypothesis in self._beam[1:]]
        return next(
            (at for at in range(len(first)) if any(tokens[at : at + 1] != first[at : at + 1] for tokens in others)),
            len(first),
        )

    def _text(self, tokens: Sequence[int]) -> str:
        written = (self._vocabulary.pieces[token] for token in tokens if token not in self._vocabulary.silent)
        return "".join(written).replace("▁", "").lower()

    def _spans(self, tokens: Sequence[int]) -> list[tuple[int, int]]:
        """Start and end of every word among the tokens."""
        starts = [at for at, token in enumerate(tokens) if at == 0 or self._vocabulary.begins(token)]
        return list(zip(starts, [*starts, len(tokens)][1:], strict=True))

    def _advance(self, column: Tensor, width: int) -> list[Hypothesis]:
        """All hypotheses through one column; the `width` best of those that end in a blank."""
        growing, done = self._beam, dict[tuple[int, ...], Hypothesis]()
        for grown in range(self._limits.tokens + 1):
            odds = self._join(column, growing)  # [A, symbols]
            for hypothesis, blank in zip(growing, odds[:, -1].tolist(), strict=True):
                _merge(done, replace(hypothesis, score=hypothesis.score + blank))
            if grown == self._limits.tokens:
                break
            growing = self._grow(growing, odds[:, :-1], width, floor=_floor(done, width))
            if not growing:
                break
        return nlargest(width, done.values(), key=lambda hypothesis: hypothesis.rank)

    def _grow(self, hypotheses: list[Hypothesis], odds: Tensor, width: int, *, floor: float) -> list[Hypothesis]:
        """The `width` best that are one token longer, as far as they beat `floor`."""
        scores = odds + torch.tensor([hypothesis.score for hypothesis in hypotheses])[:, None]
        if self._hot is not None:
            scores = scores + torch.stack([self._hot.changes(hypothesis.node) for hypothesis in hypotheses])
        best, places = scores.flatten().topk(min(width, scores.numel()))
        chosen = [
            (*divmod(place, scores.shape[1]), score)
            for place, score in zip(places.tolist(), best.tolist(), strict=True)
            if score > floor
        ]
        if not chosen:
            return []
        parents = [hypotheses[row] for row, _, _ in chosen]
        predicted, memory = self._predict([token for _, token, _ in chosen], _together(parents))
        return [
            Hypothesis(
                (*parent.tokens, token),
                (*parent.columns, self._column),
                (*parent.odds, float(odds[row, token])),
                score,
                predicted[index],
                [[leaf[index : index + 1] for leaf in layer] for layer in memory],
                "" if self._hot is None else self._hot.after(parent.node, token),
            )
            for index, (parent, (row, token, score)) in enumerate(zip(parents, chosen, strict=True))
        ]

    def _predict(self, tokens: list[int], memory: Memory | None) -> tuple[Tensor, Memory]:
        """The prediction network after one more token a row: `[A, encoding]` and its next state."""
        one = torch.ones(len(tokens), dtype=torch.int64)
        predicted, _, after = self._model.predict(torch.tensor(tokens)[:, None], one, memory)
        return predicted[:, 0], after

    def _join(self, column: Tensor, hypotheses: list[Hypothesis]) -> Tensor:
        """Log probability of every next symbol, `[A, symbols]`."""
        predicted = torch.stack([hypothesis.predicted for hypothesis in hypotheses])[:, None]
        one = torch.ones(len(hypotheses), dtype=torch.int64)
        joined, _, _ = self._model.join(column.expand(len(hypotheses), 1, -1), one, predicted, one)
        return torch.log_softmax(joined[:, 0, 0], -1)


def _merge(done: dict[tuple[int, ...], Hypothesis], fresh: Hypothesis) -> None:
    """Add a hypothesis; where its tokens are there already, add up the probabilities and keep the likelier's times."""
    if (known := done.get(fresh.tokens)) is not None:
        likelier = max(known, fresh, key=lambda hypothesis: hypothesis.score)
        fresh = replace(likelier, score=float(np.logaddexp(known.score, fresh.score)))
    done[fresh.tokens] = fresh


def _floor(done: dict[tuple[int, ...], Hypothesis], width: int) -> float:
    """The score that a longer hypothesis must beat to be worth it."""
    scores = nlargest(width, (hypothesis.score for hypothesis in done.values()))
    return scores[-1] if len(scores) == width else -math.inf


def _together(hypotheses: list[Hypothesis]) -> Memory:
    """The states of several hypotheses as one of several rows."""
    layers = zip(*(hypothesis.memory for hypothesis in hypotheses), strict=True)
    return [[torch.cat(leaves) for leaves in zip(*rows, strict=True)] for rows in layers]

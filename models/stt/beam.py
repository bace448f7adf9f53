"""One frame of the beam search: tokens pass through the lexicon's tree, the n-gram scores each word's end.

The network was trained by CTC with label priors, so a phone lasts most of its sound: a token stays on a phone, waits in
a blank behind it, or goes on to the next. Everything is arrays over the tokens. It knows one frame at a time, and
neither time budgets nor texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.stt.lexicon import ranges
from models.stt.phones import BLANK
from models.stt.trace import Trace
from models.stt.vocabulary import Vocabulary

__all__ = ["Beam", "Scales", "Tokens", "Width"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scales:
    """What counts how much against the network's log posteriors; chosen on held-back recordings."""

    language: float = 1.6
    word: float = 0.0  # for every word
    repeat: float = -2.8  # for a phone that follows itself without a blank between
    inner_blank: float = -0.6  # for a blank within a word, each frame


@dataclass(frozen=True, slots=True)
class Width:
    """How much of the search survives a frame."""

    tokens: int
    score: float  # below the best token
    phone: float  # below the best phone: others are not entered
    word_ends: int


class Tokens(NamedTuple):
    """Hypotheses `[N]`: tree node (plus the number of nodes while in the blank behind it), language state, score,
    words so far, first frame of the word under way, and what that word missed of the best phones' score."""

    node: Ints
    state: Ints
    score: Floats
    trace: Ints
    born: Ints
    missed: Floats

    def take(self, kept: Ints) -> Tokens:
        return Tokens(
            self.node[kept], self.state[kept], self.score[kept], self.trace[kept], self.born[kept], self.missed[kept]
        )

    def with_more(self, more: Tokens) -> Tokens:
        return Tokens(
            np.concatenate([self.node, more.node]),
            np.concatenate([self.state, more.state]),
            np.concatenate([self.score, more.score]),
            np.concatenate([self.trace, more.trace]),
            np.concatenate([self.born, more.born]),
            np.concatenate([self.missed, more.missed]),
        )


class Moves(NamedTuple):
    """Steps that tokens may take, `[N]`: from which token, to which node, and the score before the frame is heard."""

    source: Ints
    node: Ints
    score: Floats


class Ended(NamedTuple):
    """Words that could end now, `[R]`: the token each comes from, its word, the state behind it and the new score."""

    source: Ints
    word: Ints
    state: Ints
    score: Floats


class Beam:
    """The tokens of one search and the step that moves them on by a frame."""

    def __init__(self, vocabulary: Vocabulary, scales: Scales) -> None:
        self.vocabulary, self.scales = vocabulary, scales
        self.tree = vocabulary.tree
        self.nodes = len(self.tree.phone)
        self.look = (self.tree.best * scales.language).astype(np.float32)
        self.emits = np.concatenate([self.tree.phone, np.full(self.nodes, BLANK)])
        self.trace = Trace()
        self.tokens = self._first()

    def _first(self) -> Tokens:
        none, zero = np.array([-1]), np.zeros(1, np.int64)
        start = np.array([self.vocabulary.start])
        return Tokens(zero, start, np.zeros(1, np.float32), none, zero, np.zeros(1, np.float32))

    def ended(self, tokens: Tokens, limit: int) -> Ended:
        """The best `limit` word ends among the tokens: every language state once."""
        on_end = np.flatnonzero((tokens.node < self.nodes) & (self.tree.ends[tokens.node % self.nodes] > 0))
        if len(on_end) > limit:
            on_end = on_end[np.argpartition(-tokens.score[on_end], limit)[:limit]]
        node = tokens.node[on_end]
        at, each = ranges(self.tree.first_word[node], self.tree.ends[node])
        word, source = self.tree.words[at], on_end[each]
        before = tokens.state[source]
        gained = self.scales.language * self.vocabulary.score(before, word) + np.float32(self.scales.word)
        score = (tokens.score[source] - self.look[tokens.node[source]] + gained).astype(np.float32)
        state = self.vocabulary.advance(before, word)
        best = _best_of_each(state, score)
        return Ended(source[best], word[best], state[best], score[best])

    def step(self, frame: Floats, now: int, width: Width) -> None:
        """One frame `[40]` of log posteriors further."""
        loss = frame - frame.max()
        old, (new, last) = len(self.tokens.node), self._with_ends(now, width)
        moves = (self._staying(), self._resting(new, old), self._entering(new, last, loss > -width.phone))
        source = np.concatenate([move.source for move in moves])
        node = np.concatenate([move.node for move in moves])
        score = np.concatenate([move.score for move in moves])
        emitted = loss[self.emits[node]]
        score = (score + emitted).astype(np.float32)
        kept = self._pruned(node, new.state[source], score, width)
        source, node, score, emitted = source[kept], node[kept], score[kept], emitted[kept]
        fresh = (new.node[source] == 0) | (node == 0)
        born = np.where(fresh, now, new.born[source])
        missed = np.where(fresh, 0, new.missed[source]) + emitted
        self.tokens = Tokens(node, new.state[source], score, new.trace[source], born, missed.astype(np.float32))

    def _with_ends(self, now: int, width: Width) -> tuple[Tokens, Ints]:
        """The tokens, and behind them one at the root for each word that could end before this frame; and the phone
        that each is on."""
        tokens = self.tokens
        last = self.emits[tokens.node]
        ended = self.ended(tokens, width.word_ends)
        if not len(ended.source):
            return tokens, last
        best = float(max(tokens.score.max(), ended.score.max()))
        near = ended.score > best - width.score
        source = ended.source[near]
        trace = self.trace.add(tokens.trace[source], ended.word[near], tokens.born[source], now, tokens.missed[source])
        zeros, none = np.zeros_like(source), np.zeros(len(source), np.float32)
        fresh = Tokens(zeros, ended.state[near], ended.score[near], trace, zeros + now, none)
        return tokens.with_more(fresh), np.concatenate([last, last[source]])

    def _staying(self) -> Moves:
        tokens = self.tokens
        inner = np.where(tokens.node >= self.nodes, np.float32(self.scales.inner_blank), np.float32(0))
        return Moves(np.arange(len(tokens.node)), tokens.node, tokens.score + inner)

    def _resting(self, tokens: Tokens, old: int) -> Moves:
        """From a phone into the blank behind it; new tokens into the silence between words."""
        inside = np.flatnonzero((tokens.node[:old] > 0) & (tokens.node[:old] < self.nodes))
        inside = inside[self.tree.children[tokens.node[inside]] > 0]
        between = np.arange(old, len(tokens.node))
        source = np.concatenate([inside, between])
        node = np.concatenate([tokens.node[inside] + self.nodes, np.zeros(len(between), np.int64)])
        score = tokens.score[source]
        score[: len(inside)] += np.float32(self.scales.inner_blank)
        return Moves(source, node, score)

    def _entering(self, tokens: Tokens, last: Ints, allowed: NDArray[np.bool_]) -> Moves:
        """Into the next phones, those alone that the frame allows."""
        node = tokens.node % self.nodes
        child, source = ranges(self.tree.first_child[node], self.tree.children[node])
        open_ = allowed[self.tree.phone[child]]
        child, source = child[open_], source[open_]
        score = tokens.score[source] + (self.look[child] - self.look[node[source]])
        again = self.tree.phone[child] == last[source]
        score[again] += np.float32(self.scales.repeat)
        return Moves(source, child, score)

    def _pruned(self, node: Ints, state: Ints, score: Floats, width: Width) -> Ints:
        """What survives: near the best, the best of equals, the best few."""
        near = np.flatnonzero(score > score.max() - width.score)
        if len(near) > 3 * width.tokens:
            near = near[np.argpartition(-score[near], 3 * width.tokens)[: 3 * width.tokens]]
        best = near[_best_of_each(state[near] * (2 * self.nodes) + node[near], score[near])]
        if len(best) > width.tokens:
            best = best[np.argpartition(-score[best], width.tokens)[: width.tokens]]
        return best


def _best_of_each(key: Ints, score: Floats) -> Ints:
    """Where the best score of each different key is."""
    if not len(key):
        return np.zeros(0, np.int64)
    order = np.lexsort((-score, key))
    ordered = key[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return order[first]

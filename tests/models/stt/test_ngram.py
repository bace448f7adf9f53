"""The n-gram sums to one, backs off, and survives its 8-bit codes; searching many at once equals one at a time."""

import numpy as np
import pytest

from models.recipes.kneser_ney import Sizes, train
from models.stt.ngram import NGram

WORDS = 12
START, END = 1, 2


def chatter(seed: int, length: int = 6000) -> np.ndarray:
    """Words that depend on the last two, in sequences of ten."""
    rng, out = np.random.default_rng(seed), []
    while len(out) < length:
        a, b = 3, 4
        out.append(START)
        for _ in range(10):
            a, b = b, 3 + (a * 2 + b + int(rng.integers(0, 3))) % (WORDS - 3)
            out.append(b)
        out.append(END)
    return np.array(out)


@pytest.fixture(scope="module", params=[(10_000, 10_000), (40, 60)], ids=["whole", "pruned"])
def model(request: pytest.FixtureRequest) -> NGram:
    return train(chatter(0), Sizes(WORDS, request.param, START, (0,)))


def contexts(model: NGram) -> list[np.ndarray]:
    """States after none, one and two words."""
    states, every = [np.array([model.empty])], np.arange(WORDS)
    for _ in range(2):
        before = np.repeat(states[-1], WORDS)
        states.append(np.unique(model.advance(before, np.tile(every, len(states[-1])))))
    return states


def test_every_context_sums_to_one(model: NGram) -> None:
    for states in contexts(model):
        for state in states:
            scores = model.score(np.full(WORDS, state), np.arange(WORDS))
            assert np.exp(scores).sum() == pytest.approx(1, abs=2e-4)


def test_many_at_once_are_as_one_at_a_time(model: NGram) -> None:
    rng = np.random.default_rng(1)
    states, words = rng.integers(0, model.states, 200), rng.integers(0, WORDS, 200)
    score, after = model.score(states, words), model.advance(states, words)
    for i in range(200):
        assert model.score(states[i : i + 1], words[i : i + 1])[0] == score[i]
        assert model.advance(states[i : i + 1], words[i : i + 1])[0] == after[i]


def test_what_was_learned_is_likelier_than_chance(model: NGram) -> None:
    state, total = np.array([model.empty]), 0.0
    sequence = chatter(9, 1200)
    for word in sequence:
        total += float(model.score(state, np.array([word]))[0]) if word != START else 0.0
        state = model.advance(np.array([model.empty]) if word == START else state, np.array([word]))
    assert np.exp(-total / (sequence != START).sum()) < 7  # of 11


def test_the_newest_word_of_a_state(model: NGram) -> None:
    states = model.advance(np.full(9, model.empty), np.arange(3, 12))
    assert model.last_word(states).tolist() == list(range(3, 12))


def test_stored_it_is_nearly_the_same(model: NGram) -> None:
    again = NGram.from_arrays(model.to_arrays())
    rng = np.random.default_rng(2)
    states, words = rng.integers(0, model.states, 300), rng.integers(2, WORDS, 300)
    assert np.abs(again.score(states, words) - model.score(states, words)).max() < 0.15
    assert (again.advance(states, words) == model.advance(states, words)).all()

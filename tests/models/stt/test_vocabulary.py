"""Hot words: names, phrases and letters get better odds and a pronunciation, and nothing else changes."""

import numpy as np
import pytest

from models.stt.language import Language
from models.stt.vocabulary import Vocabulary, split_words
from tests.models.stt.toy_language import toy_language


@pytest.fixture(scope="module")
def language() -> Language:
    return toy_language()


def test_without_hot_words_it_is_the_language(language: Language) -> None:
    vocabulary = Vocabulary(language)
    rng = np.random.default_rng(0)
    states = rng.integers(0, language.ngram.states, 100)
    words = rng.integers(0, len(language.lexicon.words), 100)
    assert vocabulary.tree is language.tree
    assert (vocabulary.score(states, words) == language.ngram.score(states, words)).all()
    assert (vocabulary.advance(states, words) == language.ngram.advance(states, words)).all()


def test_an_unknown_word_is_scored_and_has_a_state_of_its_own(language: Language) -> None:
    vocabulary = Vocabulary(language, ["Zaphod"])
    word = np.array([vocabulary.words.index("zaphod")])
    start = np.array([vocabulary.start])
    after = vocabulary.advance(start, word)
    assert after[0] != start[0]
    assert np.isfinite(vocabulary.score(start, word)).all()
    assert np.isfinite(vocabulary.score(after, np.array([language.lexicon.index["cat"]]))).all()


def test_the_rest_of_a_phrase_is_likelier_once_it_began(language: Language) -> None:
    vocabulary = Vocabulary(language, ["Zaphod cat"])
    cat, start = np.array([language.lexicon.index["cat"]]), np.array([vocabulary.start])
    after = vocabulary.advance(start, np.array([vocabulary.words.index("zaphod")]))
    assert vocabulary.score(after, cat)[0] > vocabulary.score(np.array([0]), cat)[0] + 2


def test_phrases_are_split_into_words() -> None:
    assert split_words("Jean-Luc O'Brien's 25 talks") == ["Jean", "Luc", "O'Brien's", "twenty", "five", "talks"]
    assert split_words("…") == []


def test_too_many_are_refused(language: Language) -> None:
    with pytest.raises(ValueError, match="500"):
        Vocabulary(language, [f"word{i}" for i in range(501)])

"""The search finds words, their times and their confidence, and never takes back what it called stable."""

import itertools

import numpy as np
import pytest

from models.stt.language import Language
from models.stt.phones import PHONES
from models.stt.search import Limits, Scales, Search
from tests.models.stt.toy_language import saying, toy_language

CAT_SAT = "_ _ DH AH K AE T S AE T AA N DH AH M AE T _ _"
PATIENT = Limits(budget=100.0)


@pytest.fixture(scope="module")
def language() -> Language:
    return toy_language()


def texts(search: Search) -> list[str]:
    return [word.text for word in search.words]


def test_a_sentence_is_found_with_its_times(language: Language) -> None:
    search = Search(language, limits=PATIENT)
    search.push(saying(CAT_SAT))
    words = search.finish()
    assert [w.text for w in words] == ["the", "cat", "sat", "on", "the", "mat"]
    assert [(w.start, w.end) for w in words] == [(8, 16), (16, 28), (28, 40), (40, 48), (48, 56), (56, 68)]
    assert all(w.confidence > 0.5 for w in words)


def test_any_chunking_gives_the_same_words(language: Language) -> None:
    frames, found = saying(CAT_SAT), []
    for size in (1, 3, 8, len(frames)):
        search = Search(language, limits=PATIENT)
        for at in range(0, len(frames), size):
            search.push(frames[at : at + size])
        found.append(search.finish())
    assert all(words == found[0] for words in found)


def test_what_is_stable_is_never_revised(language: Language) -> None:
    rng = np.random.default_rng(0)
    frames = saying(" ".join([CAT_SAT] * 6))
    frames += rng.normal(0, 2.0, frames.shape).astype(np.float32)
    search, held = Search(language, limits=PATIENT), []
    for at in range(0, len(frames), 8):
        search.push(frames[at : at + 8])
        said = search.words[: search.stable]
        assert said[: len(held)] == held
        held = said
    assert len(held) > 20
    assert search.finish()[: len(held)] == held


def test_the_language_decides_between_words_that_sound_alike(language: Language) -> None:
    for phones, wanted in (("AY S IY DH AH K AE T S", "i see the cats"), ("AY S IY DH AH S IY", "i see the sea")):
        search = Search(language, limits=PATIENT)
        search.push(saying(f"_ {phones} _"))
        assert " ".join(w.text for w in search.finish()) == wanted


def test_a_word_shows_as_soon_as_its_last_phone_is_heard(language: Language) -> None:
    search = Search(language, limits=PATIENT)
    search.push(saying("_ DH AH K AE T"))
    assert texts(search) == ["the", "cat"]


def test_silence_has_no_words(language: Language) -> None:
    search = Search(language, limits=PATIENT)
    search.push(saying("_ " * 100))
    assert search.words == []
    assert search.finish() == []


def test_what_sounds_like_nothing_has_little_confidence(language: Language) -> None:
    noise = np.random.default_rng(1).normal(0, 3, (200, len(PHONES))).astype(np.float32)
    search = Search(language, limits=PATIENT)
    search.push(noise - np.log(np.exp(noise).sum(1, keepdims=True)))
    assert np.mean([word.confidence for word in search.finish()]) < 0.3


def test_a_finished_search_begins_anew(language: Language) -> None:
    search = Search(language, limits=PATIENT)
    search.push(saying(CAT_SAT))
    first = search.finish()
    assert search.words == [] and search.stable == 0
    search.push(saying(CAT_SAT))
    assert search.finish() == first


def test_hot_words_are_heard_though_no_text_has_them(language: Language) -> None:
    frames = saying("_ AY S IY AO S T AH _")
    plain, hot = Search(language, limits=PATIENT), Search(language, hot_words=["Osta"], limits=PATIENT)
    for search in (plain, hot):
        search.push(frames)
    assert "osta" not in [w.text for w in plain.finish()]
    assert "osta" in [w.text for w in hot.finish()]


def test_a_late_search_narrows_and_recovers(language: Language) -> None:
    ticks = itertools.count(0.0, 0.05)
    search = Search(language, limits=Limits(budget=0.1), clock=lambda: next(ticks))
    search.push(saying(CAT_SAT))
    assert search.narrowing < 0.1
    assert [w.text for w in search.finish()] == ["the", "cat", "sat", "on", "the", "mat"]


def test_memory_stays_bounded_without_finish(language: Language) -> None:
    search = Search(language, limits=PATIENT)
    sizes = []
    for _ in range(12):
        search.push(saying(CAT_SAT))
        sizes.append(search._beam.trace.size)
    assert max(sizes[6:]) < 1.5 * max(sizes[:6])
    assert search.stable > 60


def test_frames_of_another_shape_are_refused(language: Language) -> None:
    with pytest.raises(ValueError, match="40"):
        Search(language).push(np.zeros((5, 39), np.float32))


def test_without_a_language_scale_word_counts_alone_decide(language: Language) -> None:
    search = Search(language, limits=PATIENT, scales=Scales(language=0.0))
    search.push(saying("_ IY T _"))
    assert [w.text for w in search.finish()] == ["eat"]

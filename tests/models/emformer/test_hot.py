"""Hot words: every way to spell one is worth its letters, leaving it early is worth nothing; the search finds them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from models.emformer.hot import HotWords
from models.emformer.search import Limits, Search
from tests.models.emformer.small import VOCABULARY, theirs
from tests.models.emformer.test_search import columns

PIECES = ("<unk>", "▁", "▁ma", "r", "la", "▁mar", "lay", "▁lo", "y", "▁be")


def worth(hot: HotWords, tokens: Sequence[str]) -> float:
    """What a hypothesis of these tokens was given in all."""
    node, total = "", 0.0
    for piece in tokens:
        token = PIECES.index(piece)
        total += float(hot.changes(node)[token])
        node = hot.after(node, token)
    return total


@pytest.mark.parametrize(
    ("tokens", "letters"),
    [
        (["▁mar", "la"], 5),
        (["▁ma", "r", "la"], 5),
        (["▁mar"], 3),
        (["▁mar", "r"], 0),
        (["▁mar", "▁be"], 0),  # left before its end
        (["▁mar", "la", "▁be"], 5),  # ended: kept
        (["▁mar", "lay"], 0),
        (["▁mar", "la", "y"], 0),  # another word, after all
        (["▁mar", "la", "▁mar", "la"], 10),
        (["▁be", "la"], 0),
        (["la"], 0),
        (["<unk>"], 0),
    ],
)
def test_only_the_whole_word_is_worth_its_letters(tokens: list[str], letters: int) -> None:
    assert worth(HotWords(["Marla"], PIECES, bonus=1.0), tokens) == pytest.approx(letters)


def test_phrases_and_prefixes() -> None:
    hot = HotWords(["mar", "mar  lo"], PIECES, bonus=1.0)
    assert worth(hot, ["▁mar", "▁lo"]) == pytest.approx(5)
    assert worth(hot, ["▁mar", "▁be"]) == pytest.approx(3)
    assert worth(hot, ["▁mar", "▁ma", "r"]) == pytest.approx(6)


def test_no_words_are_no_hot_words() -> None:
    assert not HotWords(["", "  "], PIECES)
    assert worth(HotWords([], PIECES), ["▁mar", "la"]) == 0


def test_a_search_prefers_what_is_likely_to_be_said() -> None:
    """A word that was not heard is, once it is hot; without hot words nothing changes."""

    def heard(words: list[str], bonus: float = 2.0) -> list[str]:
        hot = HotWords(words, VOCABULARY.pieces, bonus=bonus)
        search = Search(theirs(), VOCABULARY, hot=hot, limits=Limits(beam=4))
        search.push(columns(0))
        return [word.text for word in search.words]

    assert "beit" not in heard([])
    assert "beit" in heard(["BEIT"])
    assert heard([]) == heard(["BEIT"], bonus=0.0)

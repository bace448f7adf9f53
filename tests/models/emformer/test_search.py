"""The search finds what torchaudio's finds, whatever the pieces it is pushed in; its stable words stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchaudio.models import RNNTBeamSearch

from models.emformer.search import Limits, Search, Word
from tests.models.emformer.small import SMALL, VOCABULARY, theirs

FRAMES = 30


def columns(seed: int) -> NDArray[np.float32]:
    """What an encoder might give: normalised, changing slowly."""
    steps = torch.randn(FRAMES, SMALL.encoding, generator=torch.Generator().manual_seed(seed))
    slow = torch.nn.functional.avg_pool1d(steps.T[None], 5, 1, 2)[0].T
    return torch.nn.functional.layer_norm(slow, slow.shape[1:]).numpy()


def search(seed: int = 0, *, beam: int = 4, tokens: int = 8) -> Search:
    return Search(theirs(seed), VOCABULARY, limits=Limits(beam=beam, tokens=tokens))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("beam", [1, 3, 6])
def test_tokens_and_scores_equal_torchaudio(seed: int, beam: int) -> None:
    x = columns(seed)
    wanted = RNNTBeamSearch(theirs(seed), VOCABULARY.blank)._search(torch.from_numpy(x)[None], None, beam)
    ours = search(seed, beam=beam, tokens=100)
    ours.push(x)
    assert [[VOCABULARY.blank, *found.tokens] for found in ours.beam] == [tokens for tokens, _, _, _ in wanted]
    assert [found.score for found in ours.beam] == pytest.approx([score for _, _, _, score in wanted], rel=1e-5)


def test_pieces_of_any_size_give_the_same() -> None:
    x, whole, pieces = columns(0), search(), search()
    whole.push(x)
    for piece in np.split(x, [1, 5, 6, 17]):
        pieces.push(piece)
    pieces.push(x[:0])
    assert pieces.words == whole.words
    assert [found.tokens for found in pieces.beam] == [found.tokens for found in whole.beam]


@pytest.mark.parametrize("seed", range(2))
def test_stable_words_are_never_revised(seed: int) -> None:
    ours, settled, revised = search(seed), list[Word](), 0
    before: list[Word] = []
    for column in columns(seed):
        ours.push(column[None])
        revised += ours.words[: len(before)] != before
        before = ours.words
        texts = [word.text for word in ours.words]
        assert texts[: len(settled)] == [word.text for word in settled]
        assert ours.stable >= len(settled)
        settled = ours.words[: ours.stable]
    assert settled
    assert revised  # the rest did change: the promise is worth something


def test_words_are_timed_and_in_order() -> None:
    ours = search()
    ours.push(columns(0))
    assert len(ours.words) > 2
    for word in ours.words:
        assert 0 <= word.start < word.end <= FRAMES
        assert 0 < word.confidence < 1
        assert "▁" not in word.text and "<" not in word.text and word.text
    assert [word.start for word in ours.words] == sorted(word.start for word in ours.words)


def test_a_late_search_narrows_and_recovers() -> None:
    now, x = [0.0], columns(0)

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    ours = Search(theirs(), VOCABULARY, limits=Limits(beam=4), clock=clock)
    ours.budget = 0.05
    ours.push(x[:10])
    assert len(ours.beam) == 1
    ours.budget = 25.0
    ours.push(x[10:])
    assert len(ours.beam) == 4


def test_tokens_of_one_column_are_limited() -> None:
    ours = search(tokens=2)
    ours.push(columns(0)[:1])
    assert max(len(found.tokens) for found in ours.beam) <= 2

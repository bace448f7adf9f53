"""The recogniser that ships, behind captions: our network, the search over its phones, and how words are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.streaming import StreamingModule
from models.stt.language import Language, load_language
from models.stt.network import load_recogniser
from models.stt.search import FRAME_S, Search, Word
from models.stt.written import Habits, Writer, load_habits
from streamer.frame import FormatError
from streamer.stages.searched import Searching, Stt

__all__ = ["load_limelight", "make_limelight"]

MOST_BUDGET = 0.15  # more time finds no more words
LATE_S = 0.05  # measured on words whose times are known: a filmed man's 40 ms, our own voice's 60


class Written:
    """A search whose words are written as people write them; a word is stable once the writer has let go of it."""

    def __init__(self, search: Search, writer: Writer) -> None:
        self._search, self._writer = search, writer
        self._taken = 0
        self._written: list[Word] = []

    @property
    def budget(self) -> float:
        return self._search.budget

    @budget.setter
    def budget(self, budget: float) -> None:
        self._search.budget = budget

    def push(self, columns: NDArray[np.float32]) -> None:
        self._search.push(columns)
        self._take(self._search.words[: self._search.stable])

    @property
    def words(self) -> list[Word]:
        return [*self._written, *self._writer.preview(self._search.words[self._taken :])]

    @property
    def stable(self) -> int:
        return len(self._written)

    def finish(self) -> list[Word]:
        self._take(self._search.finish())
        return [*self._written, *self._writer.finish()]

    def _take(self, final: Sequence[Word]) -> None:
        self._written += self._writer.push(final[self._taken :])
        self._taken = len(final)


def make_limelight(
    network: StreamingModule, language: Language, habits: Habits, *, slots: int, share: float, place: str = "cpu"
) -> Stt:
    """With any network of our phones."""

    def begin(words: Sequence[str]) -> Written:
        return Written(Search(language, hot_words=words), Writer(habits, names=words))

    searching = Searching("stt", network, begin, FRAME_S, MOST_BUDGET, LATE_S)
    return Stt(searching, slots=slots, share=share, place=place)


def load_limelight(*, slots: int, share: float, place: str = "cpu") -> Stt:
    """The shipped one.

    Raises:
        FormatError: its weights are not installed.
    """
    try:
        network = _network(place)
        return make_limelight(network, load_language(), load_habits(), slots=slots, share=share, place=place)
    except FileNotFoundError as error:
        raise FormatError(f"the recogniser's weights are not installed: {error.filename or error}") from None


def _network(place: str) -> StreamingModule:
    """The form of it that suits the place; Triton is loaded only for a GPU."""
    if place == "cpu":
        return load_recogniser()
    from models.stt.ringed import RingedRecogniser

    return RingedRecogniser(load_recogniser())

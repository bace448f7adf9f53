"""The recogniser that ships, behind captions: our network, and the search over its phones."""

from __future__ import annotations

from collections.abc import Sequence

from models.streaming import StreamingModule
from models.stt.language import Language, load_language
from models.stt.network import load_recogniser
from models.stt.search import FRAME_S, Search
from streamer.frame import FormatError
from streamer.stages.searched import Searching, Stt

__all__ = ["load_limelight", "make_limelight"]

MOST_BUDGET = 0.15  # more time finds no more words


def make_limelight(network: StreamingModule, language: Language, *, slots: int, share: float) -> Stt:
    """With any network of our phones."""

    def begin(words: Sequence[str]) -> Search:
        return Search(language, hot_words=words)

    return Stt(Searching("stt", network, begin, FRAME_S, MOST_BUDGET), slots=slots, share=share)


def load_limelight(*, slots: int, share: float) -> Stt:
    """The shipped one.

    Raises:
        FormatError: its weights are not installed.
    """
    try:
        return make_limelight(load_recogniser(), load_language(), slots=slots, share=share)
    except FileNotFoundError as error:
        raise FormatError(f"the recogniser's weights are not installed: {error.filename or error}") from None

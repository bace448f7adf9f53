"""The public Emformer behind captions: the published network and a transducer's search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.emformer.bundle import Bundle, load_bundle
from models.emformer.hot import HotWords
from models.emformer.network import COLUMN_S
from models.emformer.search import Limits, Search
from streamer.stages.searched import Searching, Stt

__all__ = ["load_emformer", "make_emformer"]


def make_emformer(bundle: Bundle, *, slots: int, share: float, limits: Limits | None = None, place: str = "cpu") -> Stt:
    """With a network of any size."""

    def begin(words: Sequence[str]) -> Search:
        hot = HotWords(words, bundle.vocabulary.pieces)
        return Search(bundle.transducer, bundle.vocabulary, hot=hot, limits=limits or Limits())

    return Stt(Searching("emformer", bundle.encoder, begin, COLUMN_S), slots=slots, share=share, place=place)


def load_emformer(folder: Path, *, slots: int, share: float, place: str = "cpu") -> Stt:
    """With the published weights, which `models.emformer.assets.fetch_published` left in `folder`.

    Raises:
        Damaged: the folder holds something else.
    """
    return make_emformer(load_bundle(folder), slots=slots, share=share, place=place)

"""The public Emformer behind captions: one engine for all sessions, one search a segment, searches on one thread.

A tick of this network takes longer than a hop of the sound path may, so it has a device thread to itself. The more
sessions there are, the less time each search gets of what its sound lasts, and the sooner it narrows. Knows no door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from models.emformer.bundle import Bundle, load_bundle
from models.emformer.hot import HotWords
from models.emformer.network import COLUMN_S, SOUND_HZ
from models.emformer.search import Limits, Search, Word
from streamer.device import Device
from streamer.engine import Engine, Lease
from streamer.stages.recognise import Heard, TimedWord

__all__ = ["EmformerRecogniser", "EmformerSpeech"]

Result = TypeVar("Result")
BEHIND_S = 0.5  # captions later than this are searched with a beam of one until they keep up
SHARE = 0.8


class EmformerSpeech:
    """What all sessions share: the engine, the networks that searches read, and the thread they run on.

    `share` of that thread's time is what searches may plan with.
    """

    def __init__(self, bundle: Bundle, *, slots: int, limits: Limits | None = None, share: float = SHARE) -> None:
        encoder, self._device = bundle.encoder, Device("cpu")
        self.engine = Engine(
            "emformer", encoder, slots=slots, example=torch.zeros(1, 1, encoder.hop), device=self._device
        )
        self.delay = encoder.delay
        self._bundle, self._limits, self._share = bundle, limits or Limits(), share
        self._jobs = ThreadPoolExecutor(1, "emformer-search", initializer=partial(torch.set_num_threads, 1))
        self._open = 0

    @classmethod
    def load(cls, folder: Path, *, slots: int, share: float = SHARE) -> EmformerSpeech:
        """With the published weights, which `models.emformer.assets.fetch_published` left in `folder`.

        Raises:
            Damaged: the folder holds something else.
        """
        return cls(load_bundle(folder), slots=slots, share=share)

    def recogniser(self, hot_words: Callable[[], Sequence[str]] = tuple) -> EmformerRecogniser:
        """One session's; `hot_words` is asked for words that are likely to be said when a segment begins.

        Raises:
            EngineFull: every slot is leased.
        """
        made = EmformerRecogniser(self, self.engine.lease(), hot_words)
        self._open += 1
        return made

    def search(self, hot_words: Sequence[str]) -> Search:
        bundle = self._bundle
        hot = HotWords(hot_words, bundle.vocabulary.pieces)
        return Search(bundle.transducer, bundle.vocabulary, hot=hot, limits=self._limits)

    async def job(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the searches' thread; at most one waits there for each session."""
        return await asyncio.get_running_loop().run_in_executor(self._jobs, work)

    def budget_s(self, columns: int) -> float:
        """How long one session may search in so many columns, so that all keep up."""
        return self._share * columns * COLUMN_S / max(1, self._open)

    def left(self) -> None:
        """A recogniser was closed."""
        self._open -= 1

    def close(self) -> None:
        """Idempotent; waits for the job that runs."""
        self.engine.close()
        self._device.close()
        self._jobs.shutdown(cancel_futures=True)


class EmformerRecogniser:
    """One session's recogniser; see `Recogniser`. Closing it gives the slot back."""

    def __init__(self, shared: EmformerSpeech, lease: Lease, hot_words: Callable[[], Sequence[str]]) -> None:
        self._shared, self._lease, self._hot_words = shared, lease, hot_words
        self._segment: _Segment | None = None
        self._narrow = False

    @property
    def chunk_samples(self) -> int:
        return self._shared.engine.module.hop

    async def hear(self, chunk: NDArray[np.float32], *, pts: int) -> Heard:
        segment = self._segment or await self._begun(pts)
        self._segment, segment.whole = segment, False
        heard = await self._advance(segment, chunk)
        segment.whole = True
        return heard

    async def finish(self) -> Heard:
        segment, self._segment = self._segment, None
        try:
            if segment is None or not segment.whole:
                return Heard()
            heard = await self._advance(segment, np.zeros((1, self.chunk_samples), np.float32))
            return Heard(heard.words, len(heard.words))
        finally:
            self._lease.reset()

    def narrow(self, lag_s: float) -> None:
        """Search less while captions are late."""
        self._narrow = lag_s > BEHIND_S

    def close(self) -> None:
        if not self._lease.closed:
            self._shared.left()
        self._lease.close()

    async def _begun(self, pts: int) -> _Segment:
        search = await self._shared.job(partial(self._shared.search, self._hot_words()))
        return _Segment(search, pts / SOUND_HZ, self._shared.delay)

    async def _advance(self, segment: _Segment, chunk: NDArray[np.float32]) -> Heard:
        encoded = await self._lease.step(chunk)
        assert isinstance(encoded, np.ndarray)
        columns = segment.real(encoded.T)
        budget_s = 0.0 if self._narrow else self._shared.budget_s(len(columns))
        return await self._shared.job(partial(segment.pushed, columns, budget_s=budget_s))


class _Segment:
    """Where a segment began and its search; `skip` columns are of no sound yet; `whole`: no step was lost."""

    def __init__(self, search: Search, start_s: float, skip: int) -> None:
        self._search, self._start_s, self._skip = search, start_s, skip
        self.whole = True

    def real(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        before, self._skip = self._skip, max(0, self._skip - len(columns))
        return columns[before:]

    def pushed(self, columns: NDArray[np.float32], *, budget_s: float) -> Heard:
        self._search.push(columns, budget_s=budget_s)
        return Heard(tuple(map(self._timed, self._search.words)), self._search.stable)

    def _timed(self, word: Word) -> TimedWord:
        start_s, end_s = (self._start_s + column * COLUMN_S for column in (word.start, word.end))
        return TimedWord(word.text, start_s, end_s, word.confidence)

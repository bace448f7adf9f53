"""The recogniser that ships, behind captions: one engine for all sessions, one search a session, searches on a thread.

The network runs on a device thread of its own, for a step of it takes longer than a hop of the sound path may. The more
sessions there are, the less time each search gets, and the sooner it narrows. Knows no door.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from models.stt.language import Language, load_language
from models.stt.network import Recogniser as Network
from models.stt.network import load_recogniser
from models.stt.search import FRAME_S, Limits, Search, Word
from streamer.device import Device
from streamer.engine import Engine, Lease
from streamer.frame import SOUND_HZ, FormatError
from streamer.stages.recognise import Heard, TimedWord

__all__ = ["LimelightRecogniser", "LimelightSpeech"]

Result = TypeVar("Result")
MOST_BUDGET = 0.15  # computing time per second of sound for one search, where there is time
BEHIND_S = 1.0
LATE_SHARE = 0.2  # of its budget, for a search whose captions are behind


class LimelightSpeech:
    """What all sessions share: the engine, the language, and the thread that searches run on.

    `share`: of that thread's time, which searches may plan with.
    """

    def __init__(self, network: Network, language: Language, *, slots: int, share: float) -> None:
        self._device = Device()
        example = torch.zeros(1, 1, network.hop)
        self.engine = Engine("stt", network, slots=slots, example=example, device=self._device)
        self.language, self.delay = language, network.delay
        self._share, self._open = share, 0
        self._jobs = ThreadPoolExecutor(1, "stt-search")

    @classmethod
    def load(cls, *, slots: int, share: float) -> LimelightSpeech:
        """The shipped ones.

        Raises:
            FormatError: their weights are not installed.
        """
        try:
            return cls(load_recogniser(), load_language(), slots=slots, share=share)
        except FileNotFoundError as error:
            raise FormatError(f"the recogniser's weights are not installed: {error.filename or error}") from None

    def recogniser(self, hot_words: Callable[[], Sequence[str]] = tuple) -> LimelightRecogniser:
        """One session's; `hot_words` is asked at the beginning of each segment.

        Raises:
            EngineFull: every slot is leased.
        """
        made = LimelightRecogniser(self, self.engine.lease(), hot_words)
        self._open += 1
        return made

    def left(self) -> None:
        """A recogniser was closed."""
        self._open -= 1

    def search(self, hot_words: Sequence[str], *, late: bool) -> Search:
        """One that takes the time that there is for it; as much as it likes where `share` is infinite."""
        share = self._share / max(1, self._open) * (LATE_SHARE if late else 1.0)
        budget = share if math.isinf(share) else min(MOST_BUDGET, share)
        return Search(self.language, hot_words=hot_words, limits=Limits(budget=budget))

    async def job(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the searches' thread; at most one waits there for each session."""
        return await asyncio.get_running_loop().run_in_executor(self._jobs, work)

    def close(self) -> None:
        """Idempotent; waits for the search that runs."""
        self.engine.close()
        self._device.close()
        self._jobs.shutdown(cancel_futures=True)


class LimelightRecogniser:
    """One session's recogniser; see `Recogniser`. Closing it gives the slot back."""

    def __init__(self, shared: LimelightSpeech, lease: Lease, hot_words: Callable[[], Sequence[str]]) -> None:
        self._shared, self._lease, self._hot_words = shared, lease, hot_words
        self._segment: _Segment | None = None
        self._late = False

    @property
    def chunk_samples(self) -> int:
        return self._shared.engine.module.hop

    async def hear(self, chunk: NDArray[np.float32], *, pts: int) -> Heard:
        segment = self._segment
        if segment is None:
            search = await self._shared.job(partial(self._shared.search, tuple(self._hot_words()), late=self._late))
            segment = self._segment = _Segment(search, pts / SOUND_HZ, self._shared.delay)
        columns = await self._columns(segment, chunk)
        return await self._shared.job(partial(segment.pushed, columns))

    async def finish(self) -> Heard:
        segment, self._segment = self._segment, None
        try:
            if segment is None or not segment.whole:
                return Heard()
            silence = np.zeros((1, self.chunk_samples), np.float32)
            held = -(-self._shared.delay * SOUND_HZ * FRAME_S // self.chunk_samples)
            columns = [await self._columns(segment, silence) for _ in range(int(held))]
            return await self._shared.job(partial(segment.finished, np.concatenate(columns)))
        finally:
            self._lease.reset()

    def narrow(self, lag_s: float) -> None:
        """Searches that begin while captions are late get less time."""
        self._late = lag_s > BEHIND_S

    def close(self) -> None:
        if not self._lease.closed:
            self._shared.left()
        self._lease.close()

    async def _columns(self, segment: _Segment, chunk: NDArray[np.float32]) -> NDArray[np.float32]:
        segment.whole = False
        out = await self._lease.step(chunk)
        assert isinstance(out, np.ndarray)
        segment.whole = True
        return segment.real(out.T)


class _Segment:
    """Where a segment began and its search; `skip` columns are of no sound yet; `whole`: no step was lost."""

    def __init__(self, search: Search, start_s: float, skip: int) -> None:
        self._search, self._start_s, self._skip = search, start_s, skip
        self.whole = True

    def real(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        before, self._skip = self._skip, max(0, self._skip - len(columns))
        return columns[before:]

    def pushed(self, columns: NDArray[np.float32]) -> Heard:
        self._search.push(columns)
        return Heard(tuple(map(self._timed, self._search.words)), self._search.stable)

    def finished(self, columns: NDArray[np.float32]) -> Heard:
        self._search.push(columns)
        words = tuple(map(self._timed, self._search.finish()))
        return Heard(words, len(words))

    def _timed(self, word: Word) -> TimedWord:
        start_s, end_s = (self._start_s + frame * FRAME_S for frame in (word.start, word.end))
        return TimedWord(word.text, start_s, end_s, word.confidence)

"""A recogniser made of a network in an engine and a search a segment: all that such recognisers have in common.

A step of such a network takes longer than a hop of the sound path may, so it has a device thread to itself; searches
run on one more. The more sessions there are, the less time each search gets, and the sooner it narrows. Knows neither
networks nor searches, and no door.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from models.streaming import StreamingModule
from streamer.engine import Engine, Lease
from streamer.frame import SOUND_HZ
from streamer.stages.recognise import Heard, TimedWord
from streamer.ticks.device import Device

__all__ = ["HotWords", "Search", "Searching", "Spelt", "Stt"]

HotWords = Callable[[], Sequence[str]]
"""Words that are likely to be said, asked for when a segment begins."""
Result = TypeVar("Result")
BEHIND_S = 1.0
LATE_SHARE = 0.2  # of its budget, for a search whose captions are behind


class Spelt(Protocol):
    """A word and the columns in which it was said, since the search began; the end is exclusive."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def confidence(self) -> float: ...


class Search(Protocol):
    """One segment's. `budget`: seconds of computing per second of sound, beyond which it narrows; set before each push.

    The first `stable` of its `words` will not change any more; `finish` gives the final ones.
    """

    budget: float

    def push(self, columns: NDArray[np.float32], /) -> None: ...
    @property
    def words(self) -> Sequence[Spelt]: ...
    @property
    def stable(self) -> int: ...
    def finish(self) -> Sequence[Spelt]: ...


@dataclass(frozen=True, slots=True)
class Searching:
    """What makes one recogniser: the network, what begins a search (given hot words), the length of a column of the
    network's output, the most budget that is of use to a search, and how late after its sound a phone is labelled."""

    name: str
    network: StreamingModule
    begin: Callable[[Sequence[str]], Search]
    column_s: float
    most: float = math.inf
    late_s: float = 0.0


class Stt:
    """What all sessions share.

    `share`: of the searches' thread's time, which they may plan with; `place`: the network's, as `Device` takes it.
    """

    def __init__(self, searching: Searching, *, slots: int, share: float, place: str = "cpu") -> None:
        self.searching, self._share, self._open = searching, share, 0
        self._device = Device(place)
        network, example = searching.network, torch.zeros(1, 1, searching.network.hop)
        self.engine = Engine(searching.name, network, slots=slots, example=example, device=self._device)
        self._jobs = ThreadPoolExecutor(1, f"{searching.name}-search", initializer=partial(torch.set_num_threads, 1))

    def recogniser(self, hot_words: HotWords = tuple) -> SearchedRecogniser:
        """One session's.

        Raises:
            EngineFull: every slot is leased.
        """
        made = SearchedRecogniser(self, self.engine.lease(), hot_words)
        self._open += 1
        return made

    def left(self) -> None:
        """A recogniser was closed."""
        self._open -= 1

    def budget(self, *, late: bool) -> float:
        """One search's, so that all keep up; as much as it likes where `share` is infinite."""
        share = self._share / max(1, self._open) * (LATE_SHARE if late else 1.0)
        return share if math.isinf(share) else min(self.searching.most, share)

    async def job(self, work: Callable[[], Result]) -> Result:
        """Run `work` on the searches' thread; at most one waits there for each session."""
        return await asyncio.get_running_loop().run_in_executor(self._jobs, work)

    def close(self) -> None:
        """Idempotent; waits for the search that runs."""
        self.engine.close()
        self._device.close()
        self._jobs.shutdown(cancel_futures=True)


class SearchedRecogniser:
    """One session's recogniser; see `Recogniser`. Closing it gives the slot back."""

    def __init__(self, shared: Stt, lease: Lease, hot_words: HotWords) -> None:
        self._shared, self._lease, self._hot_words = shared, lease, hot_words
        self._segment: _Segment | None = None
        self._late = False

    @property
    def chunk_samples(self) -> int:
        return self._shared.engine.module.hop

    async def hear(self, chunk: NDArray[np.float32], *, pts: int) -> Heard:
        segment = self._segment = self._segment or await self._begun(pts)
        columns = await self._columns(segment, chunk)
        return await self._shared.job(partial(segment.pushed, columns, self._shared.budget(late=self._late)))

    async def finish(self) -> Heard:
        segment, self._segment = self._segment, None
        try:
            if segment is None or not segment.whole:
                return Heard()
            silence = np.zeros((1, self.chunk_samples), np.float32)
            held = self._shared.engine.module.delay * self._shared.searching.column_s * SOUND_HZ / self.chunk_samples
            columns = [await self._columns(segment, silence) for _ in range(math.ceil(held))]
            budget = self._shared.budget(late=self._late)
            return await self._shared.job(partial(segment.finished, np.concatenate(columns), budget))
        finally:
            self._lease.reset()

    def narrow(self, lag_s: float) -> None:
        """Searches get less time while captions are late."""
        self._late = lag_s > BEHIND_S

    def close(self) -> None:
        if not self._lease.closed:
            self._shared.left()
        self._lease.close()

    async def _begun(self, pts: int) -> _Segment:
        shared = self._shared
        search = await shared.job(partial(shared.searching.begin, tuple(self._hot_words())))
        start_s = pts / SOUND_HZ - shared.searching.late_s
        return _Segment(search, start_s, shared.searching.column_s, shared.engine.module.delay)

    async def _columns(self, segment: _Segment, chunk: NDArray[np.float32]) -> NDArray[np.float32]:
        segment.whole = False
        out = await self._lease.step(chunk)
        assert isinstance(out, np.ndarray)
        segment.whole = True
        return segment.real(out.T)


class _Segment:
    """Where a segment began and its search; `skip` columns are of no sound yet; `whole`: no step was lost."""

    def __init__(self, search: Search, start_s: float, column_s: float, skip: int) -> None:
        self._search, self._start_s, self._column_s, self._skip = search, start_s, column_s, skip
        self.whole = True

    def real(self, columns: NDArray[np.float32]) -> NDArray[np.float32]:
        before, self._skip = self._skip, max(0, self._skip - len(columns))
        return columns[before:]

    def pushed(self, columns: NDArray[np.float32], budget: float) -> Heard:
        self._search.budget = budget
        self._search.push(columns)
        return Heard(tuple(map(self._timed, self._search.words)), self._search.stable)

    def finished(self, columns: NDArray[np.float32], budget: float) -> Heard:
        self.pushed(columns, budget)
        words = tuple(map(self._timed, self._search.finish()))
        return Heard(words, len(words))

    def _timed(self, word: Spelt) -> TimedWord:
        start_s, end_s = (self._start_s + column * self._column_s for column in (word.start, word.end))
        return TimedWord(word.text, start_s, end_s, word.confidence)

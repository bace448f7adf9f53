"""One track of sound of a recording, as mono at 48 kHz in its place in time; its picture is left alone.

Decodes as `limelight run` does (`source.py`), in a thread. A file from a stranger may be given: nothing that it names
is opened, and it is only read as far as it may be long.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from streamer.frame import SOUND_HZ, AudioFrame, FormatError
from streamer.rechunk import remix
from streamer.transports.file.pipes import PipeIn
from streamer.transports.file.source import Item, SoundBlock, SoundEnd, Source

__all__ = ["Recording", "open_recording", "starts_at"]


class Recording:
    """Made by `open_recording`; `seconds` says how much has been read, of perhaps `total_s`."""

    def __init__(self, source: Source, longest_s: float) -> None:
        self._source, self._longest_s = source, longest_s
        self._read = 0  # samples

    @property
    def seconds(self) -> float:
        return self._read / SOUND_HZ

    @property
    def total_s(self) -> float | None:
        return self._source.duration_s

    @property
    def stopped_early(self) -> str:
        """Why reading ended before the end, if it did."""
        return self._source.stopped_early

    async def frames(self) -> AsyncIterator[AudioFrame]:
        """Its sound, once.

        Raises:
            FormatError: there is none that can be decoded, or more than it may have.
        """
        while items := await self._items():
            for item in items:
                if isinstance(item, SoundBlock | SoundEnd) and item.samples.shape[1]:
                    yield self._frame(item)
        if not self.seconds:
            raise FormatError(f"{self._source.name}: its sound is empty")

    def close(self) -> None:
        self._source.close()

    async def _items(self) -> list[Item]:
        reading = asyncio.ensure_future(asyncio.to_thread(self._source.read))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            # Nobody may close the file under a thread that reads it.
            self._source.stop()
            await asyncio.wait([reading])
            raise

    def _frame(self, item: SoundBlock | SoundEnd) -> AudioFrame:
        first = round((item.start - self._source.origin) * SOUND_HZ)
        frame = AudioFrame(first + self._read, remix(item.samples, 1))
        self._read += item.samples.shape[1]
        refuse_longer(self._source.name, self.seconds, self._longest_s)
        return frame


async def open_recording(
    file: Path | PipeIn | BinaryIO, *, name: str, longest_s: float = math.inf, track: int = 1
) -> Recording:
    """Ready to be read; `track` counts tracks of sound from 1.

    Raises:
        FormatError: not media, without sound, or longer than `longest_s`.
    """
    source = await asyncio.to_thread(Source, file, name=name, only_track=track)
    try:
        refuse_longer(name, source.duration_s or 0.0, longest_s)
    except FormatError:
        source.close()
        raise
    return Recording(source, longest_s)


def starts_at(path: Path, *, track: int) -> float:
    """When that track of sound begins, in seconds after the file does.

    Raises:
        FormatError: it has none, or is no media.
    """
    with closing(Source(path, name=str(path), only_track=track)) as source:
        stream = source.tracks[0].stream
        start = Fraction(stream.start_time or 0) * (stream.time_base or 1)
        return float(max(Fraction(0), start - source.origin)) if stream.start_time is not None else 0.0


def refuse_longer(name: str, seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise FormatError(
            f"{name}: longer than the {longest_s / 3600:g} hours that are taken at once; "
            "cut it, or use 'limelight run IN OUT.srt --captions'"
        )

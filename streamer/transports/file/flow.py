"""Items of a file through the stages: three tasks with a bounded channel between each.

One task reads and decodes in a thread, one walks the 10 ms hops through the stages in the loop, one encodes and writes
in a thread. Knows nothing of where the items come from or go to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from streamer.channel import Channel, Overflow
from streamer.frame import HOP, SOUND_HZ, AudioFrame, Sound
from streamer.pipeline import SoundPath
from streamer.transports.file.source import Item, SoundBlock, SoundEnd

__all__ = ["Flow", "Lane"]

BATCHES = 4  # of at most half a second or 4 MiB each, between the tasks
PASS_SAMPLES = 20 * HOP  # 200 ms go through the stages in one hand-over
SETTLE = 4 * HOP  # silence after the end, so that the last samples have what follows them in every filter


class Lane:
    """Blocks of any length through a sound path in hops, without the path's delay."""

    def __init__(self, path: SoundPath, channels: int) -> None:
        self.path = path
        self._rest: Sound = np.zeros((channels, 0), np.float32)
        self._pts, self._lead = 0, path.delay

    @property
    def seconds(self) -> float:
        """How much has gone through."""
        return self._pts / SOUND_HZ

    async def push(self, samples: Sound) -> Sound:
        """What `samples` `[C, T]` completes, aligned with the input."""
        samples = np.concatenate([self._rest, samples], axis=1)
        whole = samples.shape[1] // HOP * HOP
        out = np.empty((samples.shape[0], whole), np.float32)
        for at in range(0, whole, PASS_SAMPLES):
            part = samples[:, at : min(at + PASS_SAMPLES, whole)]
            out[:, at : at + part.shape[1]] = await self._through(part)
        self._rest = samples[:, whole:]
        drop = min(self._lead, whole)
        self._lead -= drop
        return out[:, drop:]

    async def _through(self, samples: Sound) -> Sound:
        starts = range(0, samples.shape[1], HOP)
        hops = [AudioFrame(self._pts + at, np.ascontiguousarray(samples[:, at : at + HOP])) for at in starts]
        self._pts += samples.shape[1]
        return np.concatenate([hop.samples for hop in await self.path.process(hops)], axis=1)

    async def finish(self, samples: Sound) -> Sound:
        """The last `samples`, all that was delayed, and a little more, to be cut to length by the writer."""
        tail = self.path.delay + SETTLE
        tail += -(self._rest.shape[1] + samples.shape[1] + tail) % HOP
        silence = np.zeros((samples.shape[0], tail), np.float32)
        return await self.push(np.concatenate([samples, silence], axis=1))


class Flow:
    """`read` gives the next items, or none at the end; `write` takes them. Each is called in a thread of its own.

    `stop` makes a `read` or `write` that waits for somebody come back; `tell` hears how many seconds are done.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        read: Callable[[], list[Item]],
        write: Callable[[list[Item]], None],
        stop: Callable[[], None],
        tell: Callable[[float], None],
    ) -> None:
        self._lanes = lanes
        self._do_read, self._do_write, self._stop, self._tell = read, write, stop, tell

    async def run(self) -> None:
        """Until the end; no thread is at work any more when this returns or raises."""
        decoded: Channel[list[Item]] = Channel(BATCHES, Overflow.WAIT)
        processed: Channel[list[Item]] = Channel(BATCHES, Overflow.WAIT)
        with ThreadPoolExecutor(1, "reading") as reading, ThreadPoolExecutor(1, "writing") as writing:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._read(reading, decoded))
                    group.create_task(self._process(decoded, processed))
                    group.create_task(self._write(writing, processed))
            except BaseException as failure:
                self._stop()
                raise failure.exceptions[0] if isinstance(failure, ExceptionGroup) else failure from None

    async def _read(self, thread: ThreadPoolExecutor, decoded: Channel[list[Item]]) -> None:
        loop = asyncio.get_running_loop()
        while batch := await loop.run_in_executor(thread, self._do_read):
            await decoded.put(batch)
        decoded.close()

    async def _process(self, decoded: Channel[list[Item]], processed: Channel[list[Item]]) -> None:
        async for batch in decoded:
            await processed.put([await self._processed(item) for item in batch])
            await asyncio.sleep(0)  # stages that never wait must not keep the other tasks from the loop
        processed.close()

    async def _processed(self, item: Item) -> Item:
        if isinstance(item, SoundBlock):
            samples = await self._lanes[item.track].push(item.samples)
        elif isinstance(item, SoundEnd):
            samples = await self._lanes[item.track].finish(item.samples)
        else:
            return item
        self._tell(min(lane.seconds for lane in self._lanes))
        return replace(item, samples=samples)

    async def _write(self, thread: ThreadPoolExecutor, processed: Channel[list[Item]]) -> None:
        loop = asyncio.get_running_loop()
        async for batch in processed:
            await loop.run_in_executor(thread, self._do_write, batch)

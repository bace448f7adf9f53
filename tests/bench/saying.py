"""Voices at once, as sessions use them: `limelight bench saying [--voices 10] [--seconds 20]`.

Each stream reads the same long text and takes its sound in real time, 400 ms ahead, while a clock asks the device's
thread every 10 ms as live hops do. Shown: time to the first sound, how often and by how much sound came late, how long
the hops waited, and the computing time of a second of speech. Needs the shipped weights.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

import numpy as np
import torch

from streamer.frame import SOUND_HZ
from streamer.stages.limelight_voice import load_limelight_voice
from streamer.stages.mouth import AHEAD
from streamer.stages.saying import Saying
from streamer.stages.voice import Voice
from streamer.ticks.device import Device
from tests.bench._table import show

__all__ = ["main"]

TEXT = "Good evening. Tonight the council meets at seven, and everybody who has something to say is welcome to come. "
HOP_S = 0.01


class Heard:
    """What one listener met with."""

    def __init__(self) -> None:
        self.first_s, self.samples, self.late_s = 0.0, 0, list[float]()


async def listen(voice: Voice, seconds: float) -> Heard:
    """Takes a voice's sound as a session does, for so long."""
    heard, saying = Heard(), Saying(voice)
    saying.push(TEXT * 60)
    asked, began = time.perf_counter(), 0.0
    try:
        async for piece in saying:
            now = time.perf_counter()
            if not heard.samples:
                if not piece.length:
                    continue
                heard.first_s, began = now - asked, now
            due = began + heard.samples / SOUND_HZ
            heard.late_s += [now - due] if now > due and heard.samples else []
            heard.samples += piece.length
            if heard.samples > seconds * SOUND_HZ:
                return heard
            await asyncio.sleep(max(0.0, due - AHEAD / SOUND_HZ - now))
    finally:
        saying.close()
    return heard


async def hops(device: Device, lags_s: list[float]) -> None:
    """How long work for the device's thread waits, asked as live sound asks."""
    loop = asyncio.get_running_loop()
    while True:
        asked = time.perf_counter()
        done = asyncio.Event()
        device.call(lambda done=done: loop.call_soon_threadsafe(done.set))  # type: ignore[misc]
        await done.wait()
        lags_s.append(time.perf_counter() - asked)
        await asyncio.sleep(max(0.0, HOP_S - lags_s[-1]))


async def measure(voices: int, seconds: float) -> dict[str, str | float]:
    device = Device()
    voice, lags = load_limelight_voice(slots=voices, device=device), list[float]()
    await listen(voice, 0.5)  # the first of a process finds everything cold
    clock = asyncio.create_task(hops(device, lags))
    cpu = time.process_time()
    heard = await asyncio.gather(*(listen(voice, seconds) for _ in range(voices)))
    spent = time.process_time() - cpu
    clock.cancel()
    await asyncio.wait([clock])
    voice.close()
    device.close()
    late = [lag for each in heard for lag in each.late_s]
    return {
        "voices": str(voices),
        "first sound, median ms": 1e3 * float(np.median([each.first_s for each in heard])),
        "first sound, worst ms": 1e3 * max(each.first_s for each in heard),
        "pieces late": str(len(late)),
        "latest ms": 1e3 * max(late, default=0.0),
        "hop waits p95 ms": 1e3 * float(np.percentile(lags, 95)),
        "hop waits worst ms": 1e3 * max(lags),
        "CPU s a second of speech": spent * SOUND_HZ / sum(each.samples for each in heard),
    }


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(given)
    torch.set_num_threads(1)
    rows = [asyncio.run(measure(count, told.seconds)) for count in told.voices]
    show(rows, title="Voices at once", as_json=told.json)


if __name__ == "__main__":
    main()

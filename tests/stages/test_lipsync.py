"""Lips read beside the sound: every row is of one moment, however far the network lags."""

from __future__ import annotations

import asyncio

import numpy as np

from models.mouth import MOUTH
from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.lipsync import LipSync

LAG = 3


class Late:
    """A mouth that is open as far as what it heard three hops ago was loud."""

    def __init__(self):
        self.heard = [0.0] * LAG

    async def step(self, chunk):
        self.heard.append(float(np.abs(chunk).max()))
        return np.full(len(MOUTH), self.heard[-1 - LAG], np.float32)

    def reset(self):
        pass

    def close(self):
        pass


async def test_the_level_is_that_of_the_mouth_beside_it():
    lips = LipSync(Late, delay=LAG)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(lips.run())
        for index in range(12):
            lips.offer(AudioFrame(index * HOP, np.full((1, HOP), 0.5 * (index == 6), np.float32)))
            await asyncio.sleep(0.001)
        rows = lips.take()
        lips.close()
        await running
    (loud,) = [row for row in rows if row[1] > -20]
    (open_,) = [row for row in rows if row[2] > 0.1]
    assert loud is open_
    assert abs(loud[0] - 6.5 * HOP / SOUND_HZ) < 1e-6

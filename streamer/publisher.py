"""The way into a session: bounded channels of captured sound and pictures; and what a session knows of a door.

Knows no door and no stage.
"""

from __future__ import annotations

from typing import Protocol

from streamer.channel import Channel, Overflow
from streamer.frame import SOUND_HZ, AudioFrame, VideoFrame

__all__ = ["MICROPHONE_SAMPLES", "Busy", "Connection", "Publisher"]

MICROPHONE_SAMPLES = SOUND_HZ // 5  # 200 ms, then the oldest goes


class Busy(Exception):
    """Somebody else already publishes to this session."""


class Connection(Protocol):
    """Somebody attached, by whatever door."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> str: ...

    async def close(self, reason: str) -> None: ...


class Publisher:
    """The way in: one at a time. `sound` and `picture` are bounded; what they drop is counted.

    `waits`: nothing of its sound may be dropped on the way, by captions either; it can be asked to wait.
    """

    def __init__(self, sound_overflow: Overflow, epoch: int) -> None:
        self.epoch, self.waits = epoch, sound_overflow is Overflow.WAIT
        self.sound: Channel[AudioFrame] = Channel(
            MICROPHONE_SAMPLES, sound_overflow, weight=lambda frame: frame.samples.shape[1]
        )
        self.picture: Channel[VideoFrame] = Channel(1, Overflow.DROP_OLDEST)

    def close(self) -> None:
        self.sound.close()
        self.picture.close()

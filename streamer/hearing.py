"""What a session hears of its publisher beside the media path: voice activity, the captions, and who interrupts.

Raw sound waits in a bounded queue and is never held: what this costs, or what fails in it, costs no media.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from streamer.channel import Channel, Closed, Overflow
from streamer.frame import HOP, AudioFrame, Event
from streamer.publisher import MICROPHONE_SAMPLES
from streamer.stages.programme import Programme
from streamer.stages.speech import Speech
from streamer.stages.talk import Talk

__all__ = ["Hearing"]

log = logging.getLogger(__name__)


class Hearing:
    """For the session `name`; `publish` tells everybody of speech."""

    def __init__(
        self, name: str, *, speech: Speech, programme: Programme, talk: Talk, publish: Callable[[Event], None]
    ) -> None:
        self._name, self._speech, self._programme, self._talk, self._publish = name, speech, programme, talk, publish
        self._raw: Channel[AudioFrame] = Channel(MICROPHONE_SAMPLES // HOP, Overflow.DROP_OLDEST)

    def offer(self, hop: AudioFrame) -> None:
        """Raw sound of a publisher who does not wait; the oldest goes when there is too much."""
        if not self._raw.closed:
            self._raw.offer(hop)

    async def run(self) -> None:
        """Hear what is offered, until `close`."""
        with suppress(Closed):
            async for first in self._raw:
                await self.observe([first, *self._raw.drain()])

    async def observe(self, hops: Sequence[AudioFrame]) -> None:
        """Raw sound, now."""
        try:
            events = await self._speech.observe(hops)
        except Closed:
            raise
        except Exception:
            log.exception("session %s: voice activity failed at pts %d", self._name, hops[0].pts)
            return
        for event in events:
            self._publish(event)
        for hop in hops:
            self._programme.listen(hop, self._speech.probability, source="raw")
            self._talk.hear(hop, self._speech.probability, speaking=self._speech.speaking)

    def close(self) -> None:
        self._raw.close()
        self._speech.close()

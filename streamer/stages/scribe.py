"""A recording's sound -> captions, by the stages that make them live; nobody waits, so that nothing is ever left out.

Knows neither files nor doors: who reads the recording pushes its sound.
"""

from __future__ import annotations

from streamer.engine import Engine
from streamer.frame import AudioFrame
from streamer.rechunk import Rechunker
from streamer.stages.captions import Captioner
from streamer.stages.recognise import Caption, Recogniser
from streamer.stages.segment import CaptionRules
from streamer.stages.speech import Speech

__all__ = ["Scribe", "scribe_of"]


class Scribe:
    """One recording: `hear` its sound in order, then `end`; `close` gives back both slots."""

    def __init__(self, speech: Speech, captioner: Captioner) -> None:
        self._speech, self._captioner = speech, captioner
        self._rechunker = Rechunker(channels=1)

    async def hear(self, frame: AudioFrame) -> list[Caption]:
        """Sound of any length, mono; what it adds, oldest first."""
        captions: list[Caption] = []
        for hop in self._rechunker.push(frame):
            captions += await self._hear(hop)
        return captions

    async def end(self) -> list[Caption]:
        """What is left when no sound follows."""
        captions: list[Caption] = []
        for hop in self._rechunker.flush():
            captions += await self._hear(hop)
        return captions + await self._captioner.end()

    def close(self) -> None:
        """Idempotent."""
        self._speech.close()
        self._captioner.close()

    async def _hear(self, hop: AudioFrame) -> list[Caption]:
        await self._speech.observe([hop])
        return await self._captioner.hear(hop, self._speech.probability)


def scribe_of(vad: Engine, recogniser: Recogniser, *, rules: CaptionRules | None = None) -> Scribe:
    """With a slot of the voice detector; `recogniser` is closed with it, or at once where there is no slot.

    Raises:
        EngineFull: no slot is free.
    """
    try:
        return Scribe(Speech(vad.lease()), Captioner(recogniser, rules=rules))
    except BaseException:
        recogniser.close()
        raise

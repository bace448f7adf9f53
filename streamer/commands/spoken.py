"""Text to sound for a file: clauses one after the other through a voice, with the times of words and phones in it all.

No clock and no session: as fast as the machine can. What it all is for is `say.py`'s and `dub.py`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from models.tts.types import Clause, Controls, Phone, SpokenWord
from streamer.frame import SOUND_HZ
from streamer.stages.voice import Piece, Speaker, moved

__all__ = ["Speaking", "Times", "narrated", "voice_alone"]


class Speaking(Protocol):
    """The part of a `Voice` that files need."""

    def speaker(self) -> Speaker: ...


@dataclass(slots=True)
class Times:
    """What was said when, in seconds from the first sample of everything; `unspoken`: what could not be, once each."""

    samples: int = 0
    words: list[SpokenWord] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    unspoken: dict[str, None] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.samples / SOUND_HZ

    @property
    def speech_s(self) -> float:
        """Until the last phone ends; silence may follow."""
        return max((phone.end_s for phone in self.phones if phone.name), default=0.0)

    def add(self, piece: Piece) -> None:
        """The next piece."""
        self.words += [moved(word, self.seconds) for word in piece.words]
        self.phones += [moved(phone, self.seconds) for phone in piece.phones]
        self.unspoken |= dict.fromkeys(piece.unspoken)
        self.samples += piece.length

    def as_json(self) -> dict[str, Any]:
        words = [
            {"text": w.text, "begin": w.begin, "end": w.end, "start_s": round(w.start_s, 3), "end_s": round(w.end_s, 3)}
            for w in self.words
        ]
        phones = [
            {"name": p.name, "start_s": round(p.start_s, 3), "end_s": round(p.end_s, 3)} for p in self.phones if p.name
        ]
        return {"seconds": round(self.seconds, 3), "words": words, "phones": phones, "unspoken": [*self.unspoken]}


async def narrated(speaker: Speaker, clauses: Iterable[Clause], controls: Controls) -> AsyncGenerator[Piece]:
    """The sound of `clauses`, by pieces."""
    for clause in clauses:
        async with aclosing(speaker.speak(clause, controls)) as pieces:
            async for piece in pieces:
                yield piece


@contextmanager
def voice_alone() -> Iterator[Speaking]:
    """The voice that ships, for one job on this machine.

    Raises:
        FormatError: it is not installed.
    """
    from streamer.stages.limelight_voice import load_limelight_voice
    from streamer.ticks.device import Device  # torch takes seconds: bad options and files are told before that

    device = Device()
    try:
        voice = load_limelight_voice(slots=1, device=device)
        try:
            yield voice
        finally:
            voice.close()
    finally:
        device.close()

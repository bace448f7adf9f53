"""Saying: text in by pieces, as it is typed or as a language model makes it; sound out, clause by clause.

`Saying` is the core, for a session, a door and a file alike. It makes no more than it is asked for: who takes the sound
slowly is waited for, and how far ahead of playing it is taken is the taker's affair. Knows no clock and no door.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from models.tts.types import Clause, Controls, SpokenWord
from streamer.channel import Channel, Closed, Overflow
from streamer.stages.voice import SILENCE, Piece, TextReader, Voice

__all__ = ["MOST_WAITING", "Saying", "TooMuchText"]

MOST_WAITING = 20_000  # characters: about twenty minutes
A_TURN = 200  # characters that are read in one job


class TooMuchText(Exception):
    """More than may wait to be spoken; try again when some of it has been."""


@dataclass(frozen=True, slots=True)
class _Given:
    """Some text; `last`: what it completes or leaves open is said without waiting for more."""

    text: str
    last: bool = False


class Saying:
    """One stream of text with a voice. `controls` is read at every clause.

    `epoch` rises with every `cancel`; pieces carry that of their text, so that stale ones are known at the edges.
    `taken`: characters given so far, which is where the next text begins; words tell their place in this count.

    Raises:
        EngineFull: the voice has no room for another stream.
    """

    def __init__(self, voice: Voice, *, controls: Callable[[], Controls] = Controls) -> None:
        self.epoch = self.taken = 0
        self._voice, self._controls = voice, controls
        self._speaker, self._reader, self._base = voice.speaker(), voice.reader(), 0
        self._text: Channel[_Given] = Channel(MOST_WAITING, Overflow.WAIT, weight=lambda given: len(given.text) + 1)

    def push(self, text: str) -> None:
        """Text to be said after what was given before; it need not end with a word.

        Raises:
            TooMuchText: nothing was taken.
            Closed: after `end`.
        """
        if self._text.load + len(text) + len(text) // A_TURN >= MOST_WAITING:
            raise TooMuchText(f"more than {MOST_WAITING} characters would wait to be spoken; send less at a time")
        for begin in range(0, len(text), A_TURN):
            self._text.offer(_Given(text[begin : begin + A_TURN]))
        self.taken += len(text)

    def flush(self) -> None:
        """Say what was given, though it may be unfinished; a piece that is `flushed` follows its sound."""
        self._text.offer(_Given("", last=True))

    def cancel(self) -> None:
        """Forget all that was given and not yet said; what is being made is dropped."""
        self.epoch += 1
        self._text.drain()
        self._reader, self._base = self._voice.reader(), self.taken

    def end(self) -> None:
        """No more text: the pieces end when all is said. Idempotent."""
        self._text.close()

    def close(self) -> None:
        """Give back what the voice lent. Idempotent."""
        self._text.close()
        self._speaker.close()

    async def __aiter__(self) -> AsyncGenerator[Piece]:
        """Pieces, one after the other, until `end` and all is said; raises what the voice raises."""
        while True:
            try:
                given = await self._text.get()
            except Closed:
                given = None
            async with aclosing(self._said(given or _Given("", last=True))) as pieces:
                async for piece in pieces:
                    yield piece
            if given is None:
                return

    async def _said(self, given: _Given) -> AsyncGenerator[Piece]:
        epoch, base, reader = self.epoch, self._base, self._reader
        for clause in await self._voice.run(partial(_read, reader, given)):
            if epoch != self.epoch:
                return
            async with aclosing(self._speaker.speak(clause, self._controls())) as pieces:
                async for piece in pieces:
                    if epoch != self.epoch:
                        return
                    yield replace(piece, epoch=epoch, words=tuple(_further(word, base) for word in piece.words))
        if given.last and epoch == self.epoch:
            yield Piece(SILENCE, epoch=epoch, flushed=True)


def _read(reader: TextReader, given: _Given) -> list[Clause]:
    return [*(reader.push(given.text) if given.text else ()), *(reader.flush() if given.last else ())]


def _further(word: SpokenWord, base: int) -> SpokenWord:
    return replace(word, begin=word.begin + base, end=word.end + base)

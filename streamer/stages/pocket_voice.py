"""A public voice behind `Voice`: Kyutai's Pocket TTS, if its package is there (`pip install 'limelight[pocket]'`).

Its code is MIT; its weights (CC BY 4.0) come from the hub on first use and are not ours to ship. It yields sound as it
comes and tells no times, so those of words are guessed from their letters; it has no phones. One clause is made at a
time, whoever waits. Of the controls only the energy is its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Protocol

import numpy as np
import torch

from models.resample import Resampler
from models.streaming import Tree
from models.tts.reader import Reader
from models.tts.types import Clause, Controls, SpokenWord
from streamer.engine import Engine
from streamer.frame import SOUND_HZ, FormatError, Sound
from streamer.jobs import Jobs
from streamer.stages.voice import PIECE, SILENCE, Piece, Run, TextReader, within

__all__ = ["Pocket", "PocketVoice", "load_pocket"]

PERSON = "alba"
LETTER_S = 1 / 15
PATIENCE_S = 60.0  # the hub's weights are large, and a slow machine says a clause slowly


class Pocket(Protocol):
    """What is used of `pocket_tts.TTSModel`."""

    @property
    def sample_rate(self) -> int: ...

    def generate_audio_stream(
        self, model_state: Any, text_to_generate: str, *, stop: threading.Event
    ) -> Iterator[torch.Tensor]: ...


class PocketVoice:
    """See `Voice`; `state` is of the person who speaks."""

    engines: tuple[Engine, ...] = ()

    def __init__(self, model: Pocket, state: object) -> None:
        self.model, self.state, self.turn = model, state, asyncio.Lock()
        self._jobs = Jobs("voice", patience_s=PATIENCE_S)
        self.run: Run = self._jobs.run

    def reader(self) -> TextReader:
        return Reader()

    def speaker(self) -> PocketSpeaker:
        return PocketSpeaker(self)

    def close(self) -> None:
        self._jobs.close()


class PocketSpeaker:
    """See `Speaker`; holds nothing between two clauses."""

    def __init__(self, voice: PocketVoice) -> None:
        self._voice = voice

    async def speak(self, clause: Clause, controls: Controls) -> AsyncGenerator[Piece]:
        """See `Speaker`."""
        if not clause.words:
            yield Piece(SILENCE, unspoken=clause.unspoken)
            return
        words, unspoken, begin = _guessed(clause), clause.unspoken, 0
        gain = 10 ** (controls.energy_db / 20)
        async with self._voice.turn:
            stop = threading.Event()
            model = self._voice.model
            parts = model.generate_audio_stream(self._voice.state, clause.text.strip(), stop=stop)
            sound = _AtOurRate(model.sample_rate)
            try:
                while (part := await self._voice.run(lambda: next(parts, None))) is not None:
                    for samples in sound.push(part * gain):
                        end = begin + samples.shape[1]
                        yield Piece(samples, (), within(words, begin, end), unspoken)
                        unspoken, begin = (), end
            finally:
                stop.set()

    def close(self) -> None:
        """Nothing is held."""


class _AtOurRate:
    """Parts `[T]` of any length to pieces of 20 ms at 48 kHz."""

    def __init__(self, rate: int) -> None:
        self._resampler = Resampler(rate, SOUND_HZ)
        self._state: Tree = self._resampler.initial_state(1)
        self._held = torch.zeros(0)

    def push(self, part: torch.Tensor) -> list[Sound]:
        held = torch.cat([self._held, part.flatten().float()])
        hop = 2 * self._resampler.hop
        whole = len(held) // hop * hop
        self._held = held[whole:]
        if not whole:
            return []
        self._state, made = self._resampler.step(self._state, held[None, None, :whole])
        return [np.ascontiguousarray(piece[0]) for piece in made.split(PIECE, -1)]


def _guessed(clause: Clause) -> tuple[SpokenWord, ...]:
    """When words begin and end, if every letter lasts as long as any other."""
    words, at = list[SpokenWord](), 0.0
    for word in clause.words:
        end = at + LETTER_S * (len(word.text) + 1)
        words.append(SpokenWord(word.text, word.begin, word.end, at, end))
        at = end
    return tuple(words)


def load_pocket() -> PocketVoice:
    """Pocket TTS with its own English; fetches its weights on first use.

    Raises:
        FormatError: the package is not installed, or its weights cannot be had; says what to do.
    """
    try:
        from pocket_tts import TTSModel
    except ImportError:
        raise FormatError("--voice pocket needs its package: pip install 'limelight[pocket]'") from None
    try:
        model = TTSModel.load_model()
        return PocketVoice(model, model.get_state_for_audio_prompt(PERSON))
    except (OSError, RuntimeError, ValueError) as error:
        raise FormatError(
            f"the weights of Pocket TTS cannot be fetched from the hub ({type(error).__name__}: {error}); "
            "start once with a network, or without --voice pocket"
        ) from None

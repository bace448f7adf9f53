"""The voice that ships, behind `Voice`: text front end and acoustics as jobs, the vocoder as an engine's slot.

A clause starts from a fresh slot and ends with enough silence for the vocoder's delay, so each gives as much sound as
it has features, whatever was said or left before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models.streaming import StreamingModule
from models.tts.aloud import Aloud
from models.tts.features import BANDS, FEATURES, LOG_FLOOR
from models.tts.types import Clause, Controls, Utterance
from streamer.engine import Engine, Seat
from streamer.frame import SOUND_HZ, FormatError, Sound
from streamer.jobs import Jobs
from streamer.stages.voice import PIECE, SILENCE, Piece, Run, TextReader, within
from streamer.ticks.device import Device

__all__ = ["Acoustics", "LimelightVoice", "load_limelight_voice"]

FIRST_STEPS, STEPS = 2, 4  # in one hand-over to the device's thread: the first sound soon, then fewer trips

Features = NDArray[np.float32]


class Acoustics(Protocol):
    """`models.tts.voice.Voice`."""

    def speak(self, clause: Clause, controls: Controls) -> Utterance: ...


class LimelightVoice:
    """See `Voice`. `make_reader` begins a text; `slots` streams at once, on `device`."""

    def __init__(
        self,
        acoustics: Acoustics,
        vocoder: StreamingModule,
        make_reader: Callable[[], TextReader],
        *,
        slots: int,
        device: Device,
    ) -> None:
        example = torch.zeros(1, FEATURES, vocoder.hop)
        self._engine = Engine("voice", Aloud(vocoder), slots=slots, example=example, device=device)
        self.engines: tuple[Engine, ...] = (self._engine,)
        self._acoustics, self._jobs = acoustics, Jobs("voice")
        self.reader = make_reader
        self.run: Run = self._jobs.run

    def speaker(self) -> LimelightSpeaker:
        """Raises EngineFull."""
        return LimelightSpeaker(self._acoustics, self._jobs, self._engine)

    def close(self) -> None:
        self._engine.close()
        self._jobs.close()


class LimelightSpeaker:
    """See `Speaker`; holds a slot of the vocoder."""

    def __init__(self, acoustics: Acoustics, jobs: Jobs, engine: Engine) -> None:
        self._acoustics, self._jobs, self._seat = acoustics, jobs, engine.lease().seat()
        self._passes, self._module = engine.device.passes, engine.module

    async def speak(self, clause: Clause, controls: Controls) -> AsyncGenerator[Piece]:
        """See `Speaker`.

        Raises:
            StepFailed, TimeoutError: the vocoder failed, or took too long.
            Closed: the engine was closed.
        """
        if not clause.words:
            yield Piece(SILENCE, unspoken=clause.unspoken)
            return
        utterance = await self._jobs.run(partial(self._acoustics.speak, clause, controls))
        unspoken, begin = clause.unspoken, 0
        async for sound in self._sound(utterance.features):
            end = begin + sound.shape[1]
            yield Piece(sound, within(utterance.phones, begin, end), within(utterance.words, begin, end), unspoken)
            unspoken, begin = (), end

    def close(self) -> None:
        self._seat.close()

    async def _sound(self, features: Features) -> AsyncGenerator[Sound]:
        """Features `[82, T]` as pieces of sound, `480 T` samples in all."""
        self._seat.reset()
        skip, left = self._module.delay, features.shape[1] * SOUND_HZ // 100
        chunks, count = self._chunks(features), FIRST_STEPS
        while chunks and left:
            now, chunks, count = chunks[:count], chunks[count:], STEPS
            for made in await self._passes.run(_steps(self._seat, now)):
                sound = made[:, skip : skip + left]
                skip, left = max(0, skip - PIECE), left - sound.shape[1]
                if sound.shape[1]:
                    yield sound

    def _chunks(self, features: Features) -> list[Features]:
        hop = self._module.hop
        late = -(-self._module.delay * 100 // SOUND_HZ)
        silence = np.zeros((FEATURES, late + -(features.shape[1] + late) % hop), np.float32)
        silence[:BANDS] = np.log(LOG_FLOOR)
        whole = np.concatenate([features, silence], axis=1)
        return [np.ascontiguousarray(whole[:, at : at + hop]) for at in range(0, whole.shape[1], hop)]


async def _steps(seat: Seat, chunks: Sequence[Features]) -> list[Sound]:
    return [np.asarray(await seat.step(chunk), np.float32) for chunk in chunks]


def load_limelight_voice(*, slots: int, device: Device) -> LimelightVoice:
    """The shipped one.

    Raises:
        FormatError: its weights are not installed.
    """
    from models.tts.reader import Reader
    from models.tts.voice import load_voice
    from models.vocoder import load_vocoder

    try:
        acoustics, vocoder = load_voice(), load_vocoder()
        _warm_up(acoustics, Reader())
        return LimelightVoice(acoustics, vocoder, Reader, slots=slots, device=device)
    except FileNotFoundError as error:
        raise FormatError(f"the voice's weights are not installed: {error.filename or error}") from None


def _warm_up(acoustics: Acoustics, reader: TextReader) -> None:
    """The dictionary and the letters are read, and memory is taken, before anybody waits for it."""
    for clause in reader.push("One, brontovex.") + reader.flush():
        acoustics.speak(clause, Controls())

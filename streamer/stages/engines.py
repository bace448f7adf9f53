"""The engines that sessions lease from: one a model and channel count, all on one device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from models.vad import load_vad
from models.visemes import load_visemes
from streamer.engine import Engine
from streamer.frame import HOP
from streamer.pipeline import SoundPath
from streamer.session import Session
from streamer.stages.lipsync import LipSync
from streamer.stages.sound import SoundEngines, build_path, with_changer
from streamer.stages.speech import Speech
from streamer.ticks.compile import compile_engine
from streamer.ticks.device import Device

__all__ = ["Engines"]


class Engines:
    """Everything that the sessions of a server share; `sound` is by channel count.

    `recordings`: how many may be transcribed beside the sessions, which only need a voice detector here.
    """

    def __init__(
        self, *, slots: int, device: Device, recordings: int = 0, channel_counts: tuple[int, ...] = (1, 2)
    ) -> None:
        self.device, self._slots = device, slots
        self.sound = {count: SoundEngines.build(count, slots=slots, device=device) for count in channel_counts}
        self.vad = Engine("vad", load_vad(), slots=slots + recordings, example=torch.zeros(1, 1, HOP), device=device)
        visemes = load_visemes()
        self._lip_delay = visemes.delay
        self.visemes = Engine("visemes", visemes, slots=slots, example=torch.zeros(1, 1, HOP), device=device)

    def __iter__(self) -> Iterator[Engine]:
        for engines in self.sound.values():
            yield from (engines.enhance, engines.level, engines.limiter)
        yield self.vad
        yield self.visemes
        yield from self._changers()

    def _changers(self) -> list[Engine]:
        return [engines.changer for engines in self.sound.values() if engines.changer is not None]

    def add_changers(self) -> None:
        """A voice changer in the path of every session to come."""
        for count, engines in self.sound.items():
            self.sound[count] = with_changer(engines, count, slots=self._slots)

    def paths(self, session: Session) -> tuple[SoundPath, Speech]:
        """Slots for one session.

        Raises:
            EngineFull: nothing stays leased then.
        """
        speech = Speech(self.vad.lease().seat(), run=self.device.passes.run)
        try:
            path = build_path(
                self.sound[session.channels],
                channels=session.channels,
                settings=lambda: session.settings,
                observe=session.report.observe,
                failed=session.report.failed,
            )
        except BaseException:
            speech.close()
            raise
        return path, speech

    def lips(self, session: Session) -> LipSync:
        """What reads the lips of who publishes to a session; its slot is taken when an anchor first needs it."""
        return LipSync(self.visemes.lease, delay=self._lip_delay, failed=lambda: session.report.failed("visemes"))

    async def compile(self, cache: Path) -> None:
        """Swap compiled steps in, one engine after the other, while the eager ones serve."""
        for engine in self._compiling():
            await compile_engine(engine, cache=cache)

    @property
    def compiled(self) -> bool:
        """Whether every engine runs its quickest step: the compiled one, or on a GPU the captured one."""
        return self.device.place.type == "cuda" or all(engine.compiled == "on" for engine in self._compiling())

    def _compiling(self) -> list[Engine]:
        """All but the changers, whose complex numbers compilers do not take."""
        return [engine for engine in self if engine not in self._changers()]

    def close(self) -> None:
        for engine in self:
            engine.close()
        self.device.close()

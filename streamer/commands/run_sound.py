"""The stages that change the sound of one file, and the engines under them, for `limelight run`.

Knows no file and no command line.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.pipeline import SoundPath
from streamer.settings import Settings

if TYPE_CHECKING:
    from streamer.engine import Engine
    from streamer.ticks.device import Device

__all__ = ["PATIENCE_S", "Stages"]

PATIENCE_S = 600.0  # nobody listens: a machine that is busy elsewhere makes us slow, not wrong


class Stages:
    """Sound paths for the tracks of one file, and the engines under them."""

    def __init__(self, settings: Settings, cache: Path | None) -> None:
        self._settings, self._cache = settings, cache
        self._engines: list[Engine] = []
        self._device: Device | None = None
        self._adopting: list[asyncio.Task[None]] = []
        self.failed: Counter[str] = Counter()

    def path(self, channels: int) -> SoundPath:
        from streamer.stages.sound import SoundEngines, build_path, with_changer
        from streamer.ticks.device import Device  # torch takes seconds: bad options and files are told before that

        self._device = self._device or Device()
        engines = SoundEngines.build(channels, slots=1, device=self._device)
        settings = self._settings
        if settings.changer.on:
            engines = with_changer(engines, channels, slots=1)
            self._engines += [engines.changer] if engines.changer else []
        three = (engines.enhance, engines.level, engines.limiter)
        self._engines += three
        for engine in itertools.compress(three, (settings.enhance.on, settings.level.on, settings.limiter.on)):
            self._adopting.append(asyncio.create_task(self._adopt(engine)))

        def failed(stage: str) -> None:
            self.failed[stage] += 1

        return build_path(engines, channels=channels, settings=lambda: settings, failed=failed, patience_s=PATIENCE_S)

    async def _adopt(self, engine: Engine) -> None:
        """Go on with the compiled step if one has been built before; building takes minutes, and files are short."""
        from streamer.ticks.compile import cache_key, compile_engine

        if self._cache is None:
            return
        key = await asyncio.to_thread(cache_key, engine.module, engine.example)
        if (self._cache / f"{engine.name}-{key}.pt2").exists():
            await compile_engine(engine, cache=self._cache)

    def close(self) -> None:
        for task in self._adopting:
            task.cancel()
        for engine in self._engines:
            engine.close()
        if self._device is not None:
            self._device.close()

"""The sound path in its order: enhance → level → limiter.

The three stages differ only in what they give their model and in the delay that it declares; the rest is `Blend`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from streamer.frame import Sound
from streamer.pipeline import SoundPath
from streamer.settings import Settings
from streamer.stages.blend import Blend

if TYPE_CHECKING:
    from streamer.stages.engines import SoundEngines

__all__ = ["build_path"]


def build_path(
    engines: SoundEngines,
    *,
    channels: int,
    settings: Callable[[], Settings],
    observe: Callable[[str, float], None] = lambda _name, _seconds: None,
    failed: Callable[[str], None] = lambda _name: None,
) -> SoundPath:
    """Lease a slot of each model and put them in order.

    Raises:
        EngineFull: no slot is free; nothing stays leased then.
    """
    stages: list[Blend] = []
    try:
        for name, engine, wanted, chunk in (
            ("enhance", engines.enhance, lambda: settings().enhance.on * settings().enhance.strength, _plain),
            ("level", engines.level, lambda: float(settings().level.on), _beside(lambda: settings().level.target_lufs)),
            (
                "limiter",
                engines.limiter,
                lambda: float(settings().limiter.on),
                _beside(lambda: settings().limiter.ceiling_db),
            ),
        ):
            stages.append(
                Blend(
                    name,
                    engine.lease(),
                    channels=channels,
                    delay=engine.module.delay,
                    wanted=wanted,
                    chunk=chunk,
                    failed=failed,
                )
            )
    except BaseException:
        for stage in stages:
            stage.close()
        raise
    return SoundPath(stages, observe=observe)


def _plain(samples: Sound) -> Sound:
    return samples


def _beside(value: Callable[[], float]) -> Callable[[Sound], tuple[Sound, Sound]]:
    """The hop together with one control value, `[1, 1]`."""
    return lambda samples: (samples, np.full((1, 1), value(), np.float32))

"""The sound path in its order: enhance → (changer) → level → limiter.

The changer is there only where it was asked for at the start, since its delay stays. The stages differ only in what
they give their model and in the delay that it declares; the rest is `Blend`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from models.changer import Changer
from models.dynamics import Leveler, Limiter
from models.enhance import load_enhancer
from models.streaming import StreamingModule, Tree
from streamer.engine import Engine
from streamer.frame import HOP, Sound
from streamer.pipeline import SoundPath
from streamer.settings import Settings
from streamer.stages.blend import Blend
from streamer.ticks.device import Device
from streamer.ticks.passes import PATIENCE_S

__all__ = ["SoundEngines", "build_path", "with_changer"]


@dataclass(frozen=True, slots=True)
class SoundEngines:
    """The engines of the sound path for one channel count."""

    enhance: Engine
    level: Engine
    limiter: Engine
    changer: Engine | None = None

    @classmethod
    def build(cls, channels: int, *, slots: int, device: Device) -> SoundEngines:
        sound = torch.zeros(1, channels, HOP)
        beside = (sound, torch.zeros(1, 1, 1))

        def engine(name: str, module: StreamingModule, example: Tree) -> Engine:
            return Engine(f"{name}-{channels}ch", module, slots=slots, example=example, device=device)

        return cls(
            enhance=engine("enhance", _enhancer(channels, device), sound),
            level=engine("level", Leveler(channels=channels), beside),
            limiter=engine("limiter", Limiter(channels=channels), beside),
        )


def with_changer(engines: SoundEngines, channels: int, *, slots: int) -> SoundEngines:
    """The same, with a voice changer: 30 ms more delay for every path built on them."""
    example = (torch.zeros(1, channels, HOP), torch.zeros(1, 2, 1))
    device = engines.enhance.device
    changer = Engine(f"changer-{channels}ch", Changer(channels), slots=slots, example=example, device=device)
    return replace(engines, changer=changer)


def _enhancer(channels: int, device: Device) -> StreamingModule:
    """The form of it that suits the device; Triton is loaded only for a GPU."""
    if device.place.type == "cpu":
        return load_enhancer(channels=channels)
    from models.enhance_fused import FusedEnhancer

    return FusedEnhancer(load_enhancer(channels=channels))


def build_path(
    engines: SoundEngines,
    *,
    channels: int,
    settings: Callable[[], Settings],
    observe: Callable[[str, float], None] = lambda _name, _seconds: None,
    failed: Callable[[str], None] = lambda _name: None,
    patience_s: float = PATIENCE_S,
) -> SoundPath:
    """Lease a slot of each model and put them in order; the stages work as passes on the models' device.

    Raises:
        EngineFull: no slot is free; nothing stays leased then.
    """
    stages: list[Blend] = []
    passes = engines.enhance.device.passes

    def add(name: str, engine: Engine, wanted: Callable[[], float], chunk: Callable[[Sound], object]) -> None:
        seat, delay = engine.lease().seat(), engine.module.delay
        stages.append(Blend(name, seat, channels=channels, delay=delay, wanted=wanted, chunk=chunk, failed=failed))

    ceiling, target = _beside(lambda: settings().limiter.ceiling_db), _beside(lambda: settings().level.target_lufs)
    try:
        add("enhance", engines.enhance, lambda: settings().enhance.on * settings().enhance.strength, _plain)
        if engines.changer is not None:
            add("changer", engines.changer, lambda: float(settings().changer.on), _wishes(settings))
        add("level", engines.level, lambda: float(settings().level.on), target)
        add("limiter", engines.limiter, lambda: float(settings().limiter.on), ceiling)
    except BaseException:
        for stage in stages:
            stage.close()
        raise
    return SoundPath(stages, observe=observe, run=partial(passes.run, patience_s=patience_s))


def _plain(samples: Sound) -> Sound:
    return samples


def _wishes(settings: Callable[[], Settings]) -> Callable[[Sound], tuple[Sound, Sound]]:
    """The hop together with how far pitch and formants are to move, `[2, 1]`."""

    def chunk(samples: Sound) -> tuple[Sound, Sound]:
        now = settings().changer
        return samples, np.array([[now.pitch], [now.formants]], np.float32)

    return chunk


def _beside(value: Callable[[], float]) -> Callable[[Sound], tuple[Sound, Sound]]:
    """The hop together with one control value, `[1, 1]`."""
    return lambda samples: (samples, np.full((1, 1), value(), np.float32))

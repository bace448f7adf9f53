"""What every model stage does around its model: the dry signal waits as long as the wet one, and switching fades.

`Blend` never stops the clock: a stage that is off, or whose step failed, passes the equally delayed dry sound.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from streamer.channel import Closed
from streamer.frame import HOP, Sound
from streamer.pipeline import crossfade

__all__ = ["FADE_HOPS", "WARM_HOPS", "Blend", "Stepper"]

FADE_HOPS = 5  # 50 ms from dry to wet: short enough to feel instant, long enough not to click
WARM_HOPS = 20  # a model that was idle hears 200 ms before anybody hears it

log = logging.getLogger(__name__)


class Stepper(Protocol):
    """The part of an engine's lease that a stage uses."""

    async def step(self, chunk: Any) -> Any: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Blend:
    """A model between a dry and a wet path.

    `wanted()` is the weight of the wet path, 0…1, read at every hop. `chunk` makes what the model is given from
    the hop. `failed` is called when a step fails; the hop then passes dry.
    """

    def __init__(
        self,
        name: str,
        lease: Stepper,
        *,
        channels: int,
        delay: int,
        wanted: Callable[[], float],
        chunk: Callable[[Sound], Any] = lambda samples: samples,
        failed: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self.name, self.delay = name, delay
        self._lease, self._wanted, self._chunk, self._failed = lease, wanted, chunk, failed
        self._tail: Sound = np.zeros((channels, delay), np.float32)
        self._weight = wanted()
        self._warm = WARM_HOPS  # a fresh state at the start of a stream is what the model was trained on

    async def process(self, samples: Sound) -> Sound:
        """One hop `[C, HOP]`; see `SoundStage`."""
        dry = self._delayed(samples)
        wanted = min(1.0, max(0.0, self._wanted()))
        if self._weight == wanted == 0.0:
            self._warm = 0
            return dry
        wet = await self._step(samples, dry)
        start, self._weight = self._weight, self._next_weight(wanted)
        return crossfade(dry, wet, start, self._weight)

    def reset(self) -> None:
        self._tail = np.zeros_like(self._tail)
        self._weight, self._warm = self._wanted(), WARM_HOPS
        self._lease.reset()

    def close(self) -> None:
        self._lease.close()

    async def _step(self, samples: Sound, dry: Sound) -> Sound:
        if self._warm == 0:
            self._lease.reset()
        self._warm += 1
        try:
            wet: Sound = await self._lease.step(self._chunk(samples))
        except Closed:
            raise
        except Exception:
            # The engine has reset the slot; one hop of uncleaned sound beats a hole.
            log.exception("stage %s: step failed, passing dry sound", self.name)
            self._failed(self.name)
            return dry
        return wet

    def _next_weight(self, wanted: float) -> float:
        if self._warm <= WARM_HOPS:
            return self._weight
        change = min(1 / FADE_HOPS, max(-1 / FADE_HOPS, wanted - self._weight))
        return wanted if abs(wanted - self._weight) <= abs(change) else self._weight + change

    def _delayed(self, samples: Sound) -> Sound:
        if not self.delay:
            return samples
        joined = np.concatenate((self._tail, samples), axis=1)
        self._tail = joined[:, HOP:]
        return joined[:, :HOP]

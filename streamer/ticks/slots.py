"""The state of an engine's slots, and stepping any of them together.

All of it runs on one thread. No queue, no lease, no event loop: rows in, rows out, and a row that fails is that
row's affair alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.streaming import StreamingModule, Tree, reset
from streamer.ticks.stepper import Arrays, Leaves, Stepper, arrays, best_width, is_finite, row_of, stack

__all__ = ["Slots", "StepFailed"]

StepperFactory = Callable[[StreamingModule, Tree], Stepper]


class StepFailed(Exception):
    """This slot's step raised, or its output was not finite. It starts again from silence; other slots are well."""


class Slots:
    """`count` states of `module`, kept in tensors that live as long as this, and what steps them."""

    def __init__(
        self, name: str, module: StreamingModule, *, count: int, example: Tree, stepper: StepperFactory
    ) -> None:
        self.count, self.width = count, count
        self._name, self._module, self._example = name, module, example
        self._state = module.initial_state(count)
        self._initial = module.initial_state(1)
        self.stepper = stepper(module, self._state)

    def warm_up(self) -> None:
        """Measure how many rows to step together, on the state itself: before any slot is in use."""
        self.width = best_width(self.stepper, self._example, slots=self.count)
        for slot in range(self.count):
            self.reset(slot)

    def prepare(self, make: StepperFactory) -> Callable[[], None]:
        """Measure what `make` makes on a state of its own; the returned call puts it to work. Runs on any thread."""
        trial = make(self._module, self._module.initial_state(self.count))
        width = best_width(trial, self._example, slots=self.count)
        return lambda: self._adopt(make(self._module, self._state), width)

    def reset(self, slot: int) -> None:
        reset(self._state, self._initial, slot)

    def step(self, slots: Sequence[int], chunks: Sequence[Leaves]) -> list[Arrays | StepFailed]:
        """One chunk for each of `slots` (distinct), in groups of at most `width`; a result or a failure for each."""
        starts = range(0, len(slots), self.width)
        groups = [self._step(slots[at : at + self.width], chunks[at : at + self.width]) for at in starts]
        return [result for group in groups for result in group]

    def _step(self, slots: Sequence[int], chunks: Sequence[Leaves]) -> list[Arrays | StepFailed]:
        """Step together; where that raises, each alone, so that only the guilty row fails."""
        try:
            out = arrays(self.stepper(slots, stack(chunks, self._example)))
        except Exception as error:
            if len(slots) == 1:
                return [self._failed(slots[0], "the step raised", error)]
            return [self._step([slot], [chunk])[0] for slot, chunk in zip(slots, chunks, strict=True)]
        rows = [row_of(out, index) for index in range(len(slots))]
        if is_finite(out):
            return [*rows]
        return [row if is_finite(row) else self._spoiled(slot) for slot, row in zip(slots, rows, strict=True)]

    def _failed(self, slot: int, reason: str, cause: Exception | None = None) -> StepFailed:
        self.reset(slot)
        failure = StepFailed(f"{self._name}: {reason}; slot {slot} was reset")
        failure.__cause__ = cause
        return failure

    def _spoiled(self, slot: int) -> StepFailed:
        return self._failed(slot, "the output is not finite")

    def _adopt(self, stepper: Stepper, width: int) -> None:
        self.stepper, self.width = stepper, width

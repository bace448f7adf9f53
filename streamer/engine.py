"""One engine per model, shared by every session: fixed slots, leases on them, and ticks that step many rows at once.

A session leases a slot and steps it by one chunk at a time, alone or within a pass through several engines. A *tick*
takes every chunk that asks for this engine when the device's thread comes round to it (continuous batching) and steps
those rows in one batch. Between two ticks a slot may be reset and the stepper swapped (eager -> compiled), because
state has one layout and one owner: the device's thread alone reads and writes it. What the model does is its affair.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Self

from models.streaming import StreamingModule, Tree, tree_leaves
from streamer.channel import Closed
from streamer.frame import FormatError
from streamer.ticks.captured import graph_stepper
from streamer.ticks.device import Device
from streamer.ticks.passes import Ask
from streamer.ticks.slots import Slots, StepFailed
from streamer.ticks.stepper import Arrays, EagerStepper, Leaves, Stepper, leaves
from streamer.ticks.tick_stats import EngineSnapshot, TickStats

__all__ = ["Engine", "EngineFull", "Lease", "Seat", "StepFailed"]

logger = logging.getLogger(__name__)


class EngineFull(Exception):
    """Every slot is leased: say so to whoever asked, rather than make everybody late."""

    def __init__(self, name: str, slots: int) -> None:
        super().__init__(f"{name} is full: all {slots} slots are leased")
        self.name, self.slots = name, slots


class _Row(Ask[Arrays]):
    """One chunk on its way through a tick."""

    def __init__(self, lease: Lease, chunk: Leaves) -> None:
        super().__init__(lease.engine)
        self.lease, self.chunk, self.asked = lease, chunk, time.perf_counter()


class Lease:
    """One slot of an engine, from `Engine.lease` until `close`. Used from the event loop, by one task at a time."""

    def __init__(self, engine: Engine, slot: int) -> None:
        self.engine, self.slot = engine, slot
        self.closed = False
        self._waits = False

    async def step(self, chunk: Arrays) -> Arrays:
        """Advance this slot by one chunk (like the engine's example without dim 0; not to be written meanwhile).

        After a cancelled or timed-out call the chunk may or may not have been taken: `reset`, or carry on with a gap.

        Raises:
            StepFailed: the model failed on this row; the slot was reset.
            Closed: the lease or its engine is, or was meanwhile, closed.
            FormatError: the chunk has the wrong number of leaves, a wrong shape or a wrong dtype.
            TimeoutError: no result within the engine's patience.
        """
        if self._waits:
            raise RuntimeError(f"{self.engine.name}: one chunk at a time on a lease")
        row = self._row(chunk)
        self._waits = True
        try:
            return await self.engine.device.passes.run(_stepped(row), patience_s=self.engine.patience_s)
        finally:
            self._waits = False

    def seat(self) -> Seat:
        """The same slot, for use within a pass."""
        return Seat(self)

    def reset(self) -> None:
        """Start again from silence at the next `step`."""
        if not self.closed:
            self.engine._reset_later(self.slot)

    def close(self) -> None:
        """Give the slot back; a `step` that waits raises `Closed`. Idempotent."""
        self.engine._free(self)

    def _row(self, chunk: Arrays) -> _Row:
        if self.closed:
            raise Closed(f"{self.engine.name}: this lease is closed")
        return _Row(self, self.engine._checked(chunk))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Seat:
    """A lease as a pass uses it (`Passes.run`): on the device's thread, where no event loop is."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease

    async def step(self, chunk: Arrays) -> Arrays:
        """As `Lease.step`, without a patience of its own."""
        return await self.lease._row(chunk)

    def reset(self) -> None:
        self.lease.reset()

    def close(self) -> None:
        self.lease.close()


async def _stepped(row: _Row) -> Arrays:
    return await row


class Engine:
    """Fixed slots of one model on one device, leased to sessions of one event loop.

    Args:
        module: in eval mode; it is moved to the device, and its weights must not change any more.
        slots: how many sessions it serves at once.
        example: one chunk with one row, `[1, C, hop]` (a tree where the model takes one): shapes and dtypes.
        stepper: makes what steps the rows, given the module and the state it shall keep; if not given, what suits the
            device: captured ticks on a GPU, eager ones elsewhere.
        patience_s: the longest that a `Lease.step` waits.

    The constructor blocks while it measures how many rows to step together: build engines before serving.
    """

    def __init__(
        self,
        name: str,
        module: StreamingModule,
        *,
        slots: int,
        example: Tree,
        device: Device,
        stepper: Callable[[StreamingModule, Tree], Stepper] | None = None,
        patience_s: float = 5.0,
    ) -> None:
        self.name, self.slots, self.example, self.device = name, slots, example, device
        self.module = module = module.to(device.place)
        self.patience_s = patience_s
        self.stats = TickStats()
        self.compiled = "off"
        self._format = [(tuple(leaf.shape[1:]), leaf.numpy().dtype) for leaf in tree_leaves(example)]
        suited = graph_stepper(example) if device.place.type == "cuda" else EagerStepper
        self._slots = Slots(name, module, count=slots, example=example, stepper=stepper or suited)
        device.run(self._slots.warm_up)
        self._leases: dict[int, Lease] = {}
        self._closed = False
        self._lock = Lock()  # for what follows, and for whether a lease is closed: shared with the device's thread
        self._resets: set[int] = set()
        self._swap: Callable[[], None] | None = None

    def lease(self) -> Lease:
        """A slot of one's own, fresh.

        Raises:
            EngineFull: all are taken.
            Closed: the engine is closed.
        """
        if self._closed:
            raise Closed(f"{self.name}: the engine is closed")
        free = next((slot for slot in range(self.slots) if slot not in self._leases), None)
        if free is None:
            raise EngineFull(self.name, self.slots)
        self._reset_later(free)
        self._leases[free] = Lease(self, free)
        return self._leases[free]

    def swap(self, make: Callable[[StreamingModule, Tree], Stepper]) -> None:
        """Let another stepper take over between two ticks; state stays where it is.

        Blocks while it measures the newcomer on a state of its own: call it from a thread, not from the event loop.
        """
        adopt = self._slots.prepare(make)
        with self._lock:
            self._swap = adopt

    @property
    def stepper(self) -> Stepper:
        """What steps the rows now; only the device's thread may call it."""
        return self._slots.stepper

    def close(self) -> None:
        """Refuse new leases and close those there are. Idempotent; a tick that runs ends by itself."""
        self._closed = True
        for lease in list(self._leases.values()):
            lease.close()

    def snapshot(self) -> EngineSnapshot:
        """What an operator wants to see of this engine now."""
        return self.stats.snapshot(
            name=self.name,
            place=str(self.device.place),
            slots=self.slots,
            leased=len(self._leases),
            stepper=self.stepper.label,
            compiled=self.compiled,
            width=self._slots.width,
        )

    # What leases call, on the event loop.

    def _checked(self, chunk: Arrays) -> Leaves:
        found = leaves(chunk)
        if [(leaf.shape, leaf.dtype) for leaf in found] != self._format:
            shapes = ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in found)
            wanted = ", ".join(f"{dtype}{list(shape)}" for shape, dtype in self._format)
            raise FormatError(f"{self.name} takes chunks of {wanted}, not {shapes}")
        return found

    def _reset_later(self, slot: int) -> None:
        with self._lock:
            self._resets.add(slot)

    def _free(self, lease: Lease) -> None:
        with self._lock:
            lease.closed = True
        # A row of it that is being stepped does no harm: the next lease of the slot resets it before its own first one.
        if self._leases.get(lease.slot) is lease:
            del self._leases[lease.slot]

    # What runs on the device's thread.

    def together(self, rows: Sequence[_Row]) -> Sequence[Arrays | StepFailed | Closed]:
        """One tick. Rows whose lease was closed meanwhile are left out and told."""
        gone = self._between_ticks(rows)
        stepped = [row for row, closed in zip(rows, gone, strict=True) if not closed]
        results = iter(self._tick(stepped) if stepped else ())
        told = Closed(f"{self.name}: closed while a chunk was waiting")
        return [told if closed else next(results) for closed in gone]

    def _between_ticks(self, rows: Sequence[_Row]) -> list[bool]:
        """Resets and a swap take effect; says of which rows the lease is closed."""
        with self._lock:
            resets, self._resets = self._resets, set()
            swap, self._swap = self._swap, None
            gone = [row.lease.closed for row in rows]
        for slot in resets:
            self._slots.reset(slot)
        if swap is not None:
            swap()
        return gone

    def _tick(self, rows: Sequence[_Row]) -> Sequence[Arrays | StepFailed]:
        begin = time.perf_counter()
        results = self._results(rows)
        end = time.perf_counter()
        self.stats.failures += sum(isinstance(result, StepFailed) for result in results)
        self.stats.count(len(rows), (end - begin) * 1e3)
        for row in rows:
            self.stats.wait.add((end - row.asked) * 1e3)
        return results

    def _results(self, rows: Sequence[_Row]) -> Sequence[Arrays | StepFailed]:
        try:
            return self._slots.step([row.lease.slot for row in rows], [row.chunk for row in rows])
        except Exception as error:  # not a row's fault, but whoever waits must hear of it
            logger.exception("%s: a tick failed", self.name)
            return [StepFailed(f"{self.name}: the tick failed: {error}") for _ in rows]

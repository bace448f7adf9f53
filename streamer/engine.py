"""One engine per model, shared by every session: fixed slots, leases on them, and ticks that step many rows at once.

A session leases a slot and gives it one chunk at a time. A *tick* takes every chunk that waits when the device's
thread comes round (continuous batching), steps those rows in one batch, and hands all results back to the event loop
in one call. Between two ticks a slot may be reset and the stepper swapped (eager -> compiled), because state has one
layout and one owner: the worker thread alone reads and writes it. Nothing here knows what the model does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Self

from models.streaming import StreamingModule, Tree, tree_leaves
from streamer.channel import Closed
from streamer.device import Device
from streamer.frame import FormatError
from streamer.slots import Slots, StepFailed
from streamer.stepper import Arrays, EagerStepper, Leaves, Stepper, leaves
from streamer.tick_stats import EngineSnapshot, TickStats

__all__ = ["Engine", "EngineFull", "Lease", "StepFailed"]

logger = logging.getLogger(__name__)


class EngineFull(Exception):
    """Every slot is leased: say so to whoever asked, rather than make everybody late."""

    def __init__(self, name: str, slots: int) -> None:
        super().__init__(f"{name} is full: all {slots} slots are leased")
        self.name, self.slots = name, slots


@dataclass(slots=True, eq=False)
class _Row:
    """One chunk on its way through a tick."""

    lease: Lease
    chunk: Leaves
    future: asyncio.Future[Arrays]
    arrival: float = field(default_factory=time.perf_counter)
    out: Arrays | StepFailed | None = None


class Lease:
    """One slot of an engine, from `Engine.lease` until `close`. Used from the event loop, by one task at a time."""

    def __init__(self, engine: Engine, slot: int) -> None:
        self._engine = engine
        self.slot = slot
        self.closed = False
        # Rows that have not left the worker. More than one only after a waiter was cancelled in mid-tick.
        self._out: list[_Row] = []

    async def step(self, chunk: Arrays) -> Arrays:
        """Advance this slot by one chunk (like the engine's example without dim 0; not to be written meanwhile).

        After a cancelled or timed-out call the chunk may or may not have been taken: `reset`, or carry on with a gap.

        Raises:
            StepFailed: the model failed on this row; the slot was reset.
            Closed: the lease or its engine is, or was meanwhile, closed.
            FormatError: the chunk has the wrong number of leaves, a wrong shape or a wrong dtype.
            TimeoutError: no result within the engine's patience.
        """
        engine = self._engine
        if self.closed:
            raise Closed(f"{engine.name}: this lease is closed")
        if any(not row.future.done() for row in self._out):
            raise RuntimeError(f"{engine.name}: one chunk at a time on a lease")
        row = _Row(self, engine._checked(chunk), asyncio.get_running_loop().create_future())
        self._out.append(row)
        engine._submit(row)
        try:
            async with asyncio.timeout(engine.patience_s):
                return await row.future
        except (asyncio.CancelledError, TimeoutError):
            engine._withdraw(row)
            raise

    def reset(self) -> None:
        """Start again from silence at the next `step`."""
        if not self.closed:
            self._engine._reset_later(self.slot)

    def close(self) -> None:
        """Give the slot back, once its row has left the worker; a waiting `step` raises `Closed`. Idempotent."""
        if self.closed:
            return
        self.closed = True
        for row in list(self._out):
            if not row.future.done():
                row.future.set_exception(Closed(f"{self._engine.name}: closed while a chunk was waiting"))
            self._engine._withdraw(row)
        self._free_if_idle()

    def _left(self, row: _Row) -> None:
        self._out.remove(row)
        self._free_if_idle()

    def _free_if_idle(self) -> None:
        if self.closed and not self._out:
            self._engine._free(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Engine:
    """Fixed slots of one model on one device, leased to sessions of one event loop.

    Args:
        module: in eval mode, on the device; its weights must not change any more.
        slots: how many sessions it serves at once.
        example: one chunk with one row, `[1, C, hop]` (a tree where the model takes one): shapes and dtypes.
        stepper: makes what steps the rows, given the module and the state it shall keep.
        linger_ms: how long a first chunk waits for those of other sessions; 0 lets only those join that wait anyway.
        patience_s: the longest that a `step` waits.

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
        stepper: Callable[[StreamingModule, Tree], Stepper] = EagerStepper,
        linger_ms: float = 0.0,
        patience_s: float = 5.0,
    ) -> None:
        self.name, self.module, self.slots, self.example, self.device = name, module, slots, example, device
        self.linger_ms, self.patience_s = linger_ms, patience_s
        self.stats = TickStats()
        self.compiled = "off"
        self._format = [(tuple(leaf.shape[1:]), leaf.numpy().dtype) for leaf in tree_leaves(example)]
        self._slots = Slots(name, module, count=slots, example=example, stepper=stepper)
        device.run(self._slots.warm_up)
        self._leases: dict[int, Lease] = {}
        self._closed = False
        self._lock = Lock()  # for what follows: shared by the event loop and the worker
        self._pending: list[_Row] = []
        self._resets: set[int] = set()
        self._swap: Callable[[], None] | None = None
        self._asked = False

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

    def _submit(self, row: _Row) -> None:
        with self._lock:
            self._pending.append(row)
            waiting = len(self._pending)
        if not self.linger_ms or waiting >= len(self._leases):
            self._ask()
        elif waiting == 1:
            row.future.get_loop().call_later(self.linger_ms / 1e3, self._ask)

    def _ask(self) -> None:
        """Queue a tick, unless one is queued that has not started to collect."""
        with self._lock:
            asked, self._asked = self._asked, True
        if not asked:
            self.device.call(self._tick)

    def _withdraw(self, row: _Row) -> None:
        """Take back a row that the worker has not begun; one that it has begun leaves by `_deliver`."""
        with self._lock:
            waiting = row in self._pending
            if waiting:
                self._pending.remove(row)
        if waiting:
            row.lease._left(row)

    def _reset_later(self, slot: int) -> None:
        with self._lock:
            self._resets.add(slot)

    def _free(self, lease: Lease) -> None:
        if self._leases.get(lease.slot) is lease:
            del self._leases[lease.slot]

    def _deliver(self, rows: Sequence[_Row]) -> None:
        now = time.perf_counter()
        for row in rows:
            self.stats.wait.add((now - row.arrival) * 1e3)
            row.lease._left(row)
            if row.future.done():  # cancelled, timed out or closed meanwhile
                continue
            assert row.out is not None
            if isinstance(row.out, StepFailed):
                row.future.set_exception(row.out)
            else:
                row.future.set_result(row.out)

    # What runs on the device's thread.

    def _tick(self) -> None:
        rows = self._collect()
        if not rows:
            return
        begin = time.perf_counter()
        for row, result in zip(rows, self._results(rows), strict=True):
            row.out = result
        self.stats.failures += sum(isinstance(row.out, StepFailed) for row in rows)
        self.stats.count(len(rows), (time.perf_counter() - begin) * 1e3)
        with suppress(RuntimeError):  # the loop closed: nobody waits any more
            rows[0].future.get_loop().call_soon_threadsafe(self._deliver, rows)

    def _results(self, rows: Sequence[_Row]) -> Sequence[Arrays | StepFailed]:
        try:
            return self._slots.step([row.lease.slot for row in rows], [row.chunk for row in rows])
        except Exception as error:  # not a row's fault, but whoever waits must hear of it
            logger.exception("%s: a tick failed", self.name)
            return [StepFailed(f"{self.name}: the tick failed: {error}") for _ in rows]

    def _collect(self) -> list[_Row]:
        """What waits now; resets and a swap take effect here, between ticks."""
        with self._lock:
            rows, self._pending = self._pending, []
            resets, self._resets = self._resets, set()
            swap, self._swap = self._swap, None
            self._asked = False
        for slot in resets:
            self._slots.reset(slot)
        if swap is not None:
            swap()
        return rows

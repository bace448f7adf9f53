"""The training loop that the recipes share: mixtures from a worker, a schedule tied to the clock, resumable.

Knows nothing of what is learned: a recipe gives it a network and a function from a batch to named losses.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from models.recipes.mixing import Mixer, Shares
from models.recipes.sources import Sources, mixer

__all__ = ["Judge", "Mixtures", "Plan", "Training", "batches"]

Judge = Callable[..., dict[str, Tensor]]
"""`(network, *batch)` -> the losses to add up; for sound `(network, heard [B, T], wanted [B, T])`."""


@dataclass(frozen=True)
class Plan:
    """How long and how hard: `hours` of wall clock over all runs."""

    hours: float
    batch: int = 4
    seconds: float = 2.2
    rate: float = 2e-3
    warm_steps: int = 150
    keep: float = 0.998
    save_every_s: float = 120.0
    check_every_s: float = 480.0
    seed: int = 7
    shares: Shares = field(default_factory=Shares)
    rate_hz: int = 16_000  # of dim 1 of a batch's first tensor


class Mixtures(IterableDataset[tuple[Tensor, Tensor]]):
    """Mixtures as tensors, made in a low-priority worker."""

    def __init__(self, sources: Sources, plan: Plan, *, seed: int) -> None:
        self.sources, self.plan, self.seed = sources, plan, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
        for heard, wanted in self._mixer():
            yield torch.from_numpy(heard), torch.from_numpy(wanted)

    def _mixer(self) -> Mixer:
        return mixer(self.sources, seconds=self.plan.seconds, seed=self.seed, shares=self.plan.shares)


def batches(sources: Sources, plan: Plan, *, seed: int) -> Iterator[list[Tensor]]:
    """Endless batches."""
    mixtures = Mixtures(sources, plan, seed=seed)
    return iter(DataLoader(mixtures, batch_size=plan.batch, num_workers=1, prefetch_factor=6))


def optimisers(net: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for matrices, which learns from fewer steps; AdamW for the rest."""
    matrices = [p for p in net.parameters() if p.dim() == 2 and min(p.shape) > 1]
    others = [p for p in net.parameters() if p.dim() != 2 or min(p.shape) == 1]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.01),
    ]


@dataclass
class Training:
    """A network on its way: its average, its optimiser, and how far it is."""

    net: nn.Module
    judge: Judge
    plan: Plan
    folder: Path
    check: Callable[[nn.Module], str]
    step: int = 0
    heard_s: float = 0.0
    spent_s: float = 0.0
    console: Console = field(default_factory=Console)

    def __post_init__(self) -> None:
        self.average = copy.deepcopy(self.net)
        self.optimisers = optimisers(self.net, self.plan.rate)
        self.path = self.folder / "checkpoint.pt"
        if self.path.exists():
            self._resume()

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"net": self.net, "average": self.average}
        parts |= {f"optimiser {i}": optimiser for i, optimiser in enumerate(self.optimisers)}
        return parts

    def _resume(self) -> None:
        saved = torch.load(self.path, weights_only=True)
        for name, part in self._parts().items():
            if name in saved:
                part.load_state_dict(saved[name])
        self.step, self.spent_s, self.heard_s = (
            saved["step"],
            saved["spent_s"],
            saved.get("heard_s", saved["step"] * 20.0),
        )
        self.console.print(f"resumed at step {self.step}, {self.spent_s / 60:.0f} min in")

    def save(self) -> None:
        """Write the checkpoint whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        states = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save({**states, "step": self.step, "spent_s": self.spent_s, "heard_s": self.heard_s}, fresh)
        fresh.replace(self.path)

    @property
    def seed(self) -> int:
        """For the supply of batches: another one after each resumption."""
        return self.plan.seed + self.step

    @property
    def hours_heard(self) -> float:
        return self.heard_s / 3600

    def run(self, supply: Iterator[Sequence[Tensor]]) -> nn.Module:
        """Train until the plan's time is spent; the averaged network."""
        saved = checked = last = time.monotonic()
        self.net.train()
        losses: list[dict[str, float]] = []
        while self.spent_s < self.plan.hours * 3600:
            losses.append(self._advance(*next(supply)))
            now = time.monotonic()
            self.spent_s += now - last
            last = now
            if self.step % 100 == 0:
                self._tell(losses)
                losses.clear()
            if now - saved > self.plan.save_every_s:
                self.save()
                saved = now
            if now - checked > self.plan.check_every_s:
                self.console.print(f"step {self.step}: {self.check(self.average)}")
                checked = now
        self.save()
        self.console.print(f"step {self.step}, the end: {self.check(self.average)}")
        return self.average

    def _advance(self, *batch: Tensor) -> dict[str, float]:
        for group in [g for optimiser in self.optimisers for g in optimiser.param_groups]:
            group["lr"] = self._rate()
        parts = self.judge(self.net, *batch)
        loss = torch.stack(list(parts.values())).sum()
        self.net.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.net.parameters(), 1.0))
        if math.isfinite(norm):
            for optimiser in self.optimisers:
                optimiser.step()
            self._blend()
        self.step += 1
        self.heard_s += math.prod(batch[0].shape[:2]) / self.plan.rate_hz
        return {name: float(part) for name, part in parts.items()} | {"norm": norm}

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.plan.warm_steps)
        done = min(1.0, self.spent_s / (self.plan.hours * 3600))
        return self.plan.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    @torch.no_grad()
    def _blend(self) -> None:
        keep = min(self.plan.keep, (1 + self.step) / (10 + self.step))
        for old, new in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if old.is_floating_point():
                old.lerp_(new, 1 - keep)
            else:
                old.copy_(new)

    def _tell(self, losses: list[dict[str, float]]) -> None:
        names = sorted({name for row in losses for name in row})
        means = {name: float(np.mean([row[name] for row in losses if name in row])) for name in names}
        said = " ".join(f"{name} {value:.4f}" for name, value in means.items())
        pace = self.hours_heard * 3600 / max(self.spent_s, 1)
        minutes = self.spent_s / 60
        self.console.print(f"{minutes:6.1f} min  step {self.step}  {self.hours_heard:.2f} h ({pace:.0f}x)  {said}")

"""Sounds that tests make for themselves, and how loud they are; `[T]` at 48 kHz."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.loudness import HopPower, lufs
from models.streaming import StreamingModule, Tree, tree_leaves, tree_map

__all__ = ["RATE", "at_lufs", "integrated_lufs", "noise", "sine", "speech", "streamed"]

RATE = 48_000


def sine(hz: float, level_db: float, seconds: float) -> Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (10 ** (level_db / 20) * torch.sin(2 * math.pi * hz * time)).float()  # [T]


def noise(seconds: float, *, seed: int = 0) -> Tensor:
    return torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def speech(seconds: float, *, seed: int = 0) -> Tensor:
    """A buzz in syllables of 120…280 ms, 60 ms apart, with a pause of half a second after every seven."""
    generator = torch.Generator().manual_seed(seed)
    buzz = sine(120.0, 0.0, 1.0)
    for k in range(2, 30):
        buzz += sine(120.0 * k, -6.0 * math.log2(k), 1.0)
    parts: list[Tensor] = []
    while sum(map(len, parts)) < seconds * RATE:
        draw = torch.rand(2, generator=generator).tolist()
        syllable = torch.hann_window(round((0.12 + 0.16 * draw[0]) * RATE)).sqrt() * 10 ** (-0.4 * draw[1])
        parts += [syllable, torch.zeros(round((0.5 if len(parts) % 14 == 12 else 0.06) * RATE))]
    envelope = torch.cat(parts)[: round(seconds * RATE)]
    return envelope * buzz.repeat(math.ceil(seconds))[: len(envelope)]


def integrated_lufs(sound: Tensor) -> float:
    """BS.1770-4 with both gates, of `[C, T]`."""
    with torch.no_grad():
        blocks = HopPower(len(sound))(sound[None])[0, 0].unfold(0, 40, 10).mean(-1)
    blocks = blocks[lufs(blocks) > -70.0]
    return float(lufs(blocks[lufs(blocks) > lufs(blocks.mean()) - 10.0].mean()))


def at_lufs(sound: Tensor, level_lufs: float) -> Tensor:
    return sound * math.pow(10.0, (level_lufs - integrated_lufs(sound[None])) / 20)


def streamed(module: StreamingModule, signal: Tree, hops: int) -> Tensor:
    """Every step's output, in a row; the module starts fresh."""
    state, outs = module.initial_state(len(tree_leaves(signal)[0])), []
    with torch.no_grad():
        for hop in range(hops):
            state, out = module.step(state, tree_map(lambda leaf, i=hop: leaf.chunk(hops, -1)[i], signal))
            outs.append(out)
    return torch.cat(outs, -1)  # type: ignore[arg-type]

"""How the mouth's network is trained: `python -m models.recipes.visemes PACKS --lips LIPS --out DIR --hours H`.

Most speech teaches by its phones, turned into mouths by `models/recipes/mouths.py`; filmed speech by how far apart the
man's lips were and how wide (LIPS is what `models.recipes.lips` wrote), set to the rig's range by their spread. No more
of his face is learned than that.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from models.mouth import MOUTH
from models.recipes.mouths import COUNTS, Spoken, is_held, lip_curves, mouth_curves, recordings
from models.recipes.packs import Pcm
from models.recipes.training import Plan, Training
from models.visemes import QUIET, SCALE, Visemes

__all__ = ["main", "opened", "widened"]

HOP = 160
STEPS = 300  # of 10 ms in a lesson
BATCH = 16
DB = math.log(10) / 10
FILMED = 0.35  # share of the lessons
PHONES_OF_FILMED = 0.25  # how much phones weigh where lips were seen

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class Lesson:
    """Log energies `[N, 40]`, mouth by phones `[13, N]`, opening and width as seen `[2, N]` in its range, or NaN.

    `sound` is what the energies are of, `[T]`.
    """

    sound: Curve
    energies: Curve
    mouth: Curve
    lips: Curve


def opened(mouth: Tensor) -> Tensor:
    """`MOUTH` `[..., 13, N]` -> how far the lips are apart `[..., N]`, as `models.rig.aperture` has it."""
    jaw, close, funnel, lower, upper = _of(mouth, "jawOpen mouthClose mouthFunnel mouthLowerDownLeft mouthUpperUpLeft")
    return (jaw - close).clamp(min=0) + 0.3 * ((lower + upper) / 2 + 0.25 * funnel)


def widened(mouth: Tensor) -> Tensor:
    """`MOUTH` `[..., 13, N]` -> how far its corners are apart, 0 at rest."""
    stretch, smile, pucker, funnel = _of(mouth, "mouthStretchLeft mouthSmileLeft mouthPucker mouthFunnel")
    return stretch + 0.5 * smile - pucker - 0.5 * funnel


def _of(mouth: Tensor, names: str) -> Iterator[Tensor]:
    return (mouth[..., MOUTH.index(name), :] for name in names.split())


def lessons(spoken: Sequence[Spoken]) -> list[Lesson]:
    """Recordings of one kind; what was seen of lips is set to the range of what their phones ask for."""
    counts = [len(one.sound) // HOP for one in spoken]
    mouths = [mouth_curves(one.said, count) for one, count in zip(spoken, counts, strict=True)]
    seen = [
        np.full((2, count), np.nan, np.float32) if one.lips is None else lip_curves(one.lips, count)
        for one, count in zip(spoken, counts, strict=True)
    ]
    asked = torch.from_numpy(np.concatenate(mouths, 1))
    wanted = torch.stack([opened(asked), widened(asked)]).numpy()
    scaled = _in_range(seen, wanted)
    sounds = [_wave(one.sound[: count * HOP]) for one, count in zip(spoken, counts, strict=True)]
    return [
        Lesson(sound, _energies(sound), mouth, lips) for sound, mouth, lips in zip(sounds, mouths, scaled, strict=True)
    ]


def _wave(sound: Pcm) -> Curve:
    return np.asarray(sound / np.float32(32768), np.float32)


@torch.no_grad()
def _energies(sound: Curve) -> Curve:
    net = Visemes(oversampling=1)
    frames = net.spectrum.frames(torch.from_numpy(sound)[None])
    made: Curve = net.energies(net.spectrum.transform(frames))[0].numpy()
    return made


def _in_range(seen: Sequence[Curve], wanted: Curve) -> list[Curve]:
    """Curves whose low and high ends lie where those of `wanted` do."""
    every = np.concatenate(seen, 1)
    if np.isnan(every).all():
        return list(seen)
    low, high = (np.nanpercentile(every, q, axis=1)[:, None] for q in (5, 98))
    least, most = (np.percentile(wanted, q, axis=1)[:, None] for q in (5, 98))
    return [np.asarray((one - low) / (high - low) * (most - least) + least, np.float32) for one in seen]


class Supply:
    """Endless batches of pieces: energies `[B, N, 40]`, mouths `[B, 13, N]`, lips `[B, 2, N]`."""

    def __init__(self, spoken: Sequence[Lesson], filmed: Sequence[Lesson], *, seed: int) -> None:
        self._kinds, self._rng = (spoken, filmed), np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Sequence[Tensor]]:
        while True:
            pieces = [self._piece(self._kinds[int(self._rng.random() < FILMED)]) for _ in range(BATCH)]
            yield [torch.from_numpy(np.stack(parts)) for parts in zip(*pieces, strict=True)]

    def _piece(self, kind: Sequence[Lesson]) -> tuple[Curve, Curve, Curve]:
        one = kind[int(self._rng.integers(len(kind)))]
        heard = _padded(one.energies.T, STEPS, "edge").T
        mouth, lips = _padded(one.mouth, STEPS), _padded(one.lips, STEPS)
        at = slice(start := int(self._rng.integers(mouth.shape[1] - STEPS + 1)), start + STEPS)
        return self._elsewhere(heard[at]), mouth[:, at], lips[:, at]

    def _elsewhere(self, energies: Curve) -> Curve:
        """At another level, through another microphone, in another room's noise."""
        rng, bands = self._rng, energies.shape[1]
        power = np.exp(energies * SCALE) - QUIET
        tilt_db = np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), rng.normal(0, 3, 5))
        gain = np.exp((rng.normal(0, 7) + tilt_db) * DB)
        loud = float(np.mean(power * gain))
        colour_db = np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), rng.normal(0, 5, 5))
        noise = loud * np.exp((colour_db - rng.uniform(8, 50)) * DB) * rng.exponential(1.0, energies.shape)
        return np.asarray(np.log(np.maximum(power * gain + noise, 0) + QUIET) / SCALE, np.float32)


def _padded(curve: Curve, length: int, mode: Literal["constant", "edge"] = "constant") -> Curve:
    return np.pad(curve, ((0, 0), (0, max(0, length - curve.shape[1]))), mode)


class Losses:
    """Of a network on a batch; `device` is where both are."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __call__(self, net: nn.Module, energies: Tensor, mouth: Tensor, lips: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Visemes)
        energies, mouth, lips = (x.to(self._device) for x in (energies, mouth, lips))
        made = net.shapes(energies)[..., net.delay :]
        mouth, lips = mouth[..., : -net.delay], lips[..., : -net.delay]
        there = torch.isfinite(lips)  # [B, 2, N]
        seen = torch.stack([opened(made), widened(made)], 1)
        apart = torch.where(there, seen - torch.nan_to_num(lips), 0.0).square()
        filmed = there[:, :1].any(-1, keepdim=True).float()  # [B, 1, 1]
        weight = 1 - (1 - PHONES_OF_FILMED) * filmed
        sealed = 1 + 3 * (mouth[:, MOUTH.index("mouthPressLeft")] > 0.25).float()[:, None]  # missed closures show
        phones = ((made - mouth).square() * weight * sealed).sum(1).mean()
        return {
            "phones": phones,
            "opening": 2 * ((opened(made) - opened(mouth)).square() * (1 - filmed[:, 0])).mean(),
            "seen": 3 * apart.sum(1).mean(),
        }


@torch.no_grad()
def agreement(net: Visemes, held: Sequence[Lesson]) -> str:
    """Correlation with what was seen and with what phones ask for, over held-back recordings."""
    made = [net(torch.from_numpy(one.sound)[None, None])[0] for one in held]
    curves = torch.cat([torch.stack([opened(one), widened(one)]) for one in made], 1).numpy()
    asked = torch.from_numpy(np.concatenate([one.mouth for one in held], 1))
    seen = np.concatenate([one.lips for one in held], 1)
    if np.isnan(seen).all():
        seen = torch.stack([opened(asked), widened(asked)]).numpy()
    there = np.isfinite(seen[0])
    opening, width = (float(np.corrcoef(curves[i, there], seen[i, there])[0, 1]) for i in (0, 1))
    return f"opening {opening:.3f} width {width:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--lips", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="alignments (default: OUT/cache)")
    parser.add_argument("--hours", type=float, required=True, help="wall clock, over all runs with this folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(1)
    learned: dict[str, list[Lesson]] = {}
    held: dict[str, list[Lesson]] = {}
    for kind in COUNTS:
        spoken = list(recordings(told.packs, told.cache or told.out / "cache", kind, lips=told.lips))
        made = lessons(spoken)
        learned[kind] = [one for one, it in zip(made, spoken, strict=True) if not is_held(it.name)]
        held[kind] = [one for one, it in zip(made, spoken, strict=True) if is_held(it.name)]
    net = Visemes(oversampling=1).to(told.device)

    def check(net: nn.Module) -> str:
        assert isinstance(net, Visemes)
        half = {name: tensor.half().cpu().contiguous() for name, tensor in net.state_dict().items()}
        save_file(half, told.out / "visemes.safetensors")
        on_cpu = Visemes(oversampling=1)
        on_cpu.load_state_dict({name: tensor.float() for name, tensor in half.items()})
        return "; ".join(f"{kind}: {agreement(on_cpu, some)}" for kind, some in held.items())

    by_phones = [one for kind, some in learned.items() if kind != "faces" for one in some]
    plan = Plan(told.hours, batch=BATCH, rate=4e-3, warm_steps=30, keep=0.98, check_every_s=120, rate_hz=100)
    training = Training(net, Losses(told.device), plan, told.out, check)
    training.run(iter(Supply(by_phones, learned["faces"], seed=training.seed)))


if __name__ == "__main__":
    main()

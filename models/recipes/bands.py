"""Recordings as log mel energies on disk, several ways of hearing each, so that training need not touch sound.

A shelf holds, for one set of utterances, one variant: as recorded, faster, slower, or in a room. Energies are half
precision, `[N, bands]`, 100 a second.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from rich.progress import track

from models.recipes.packs import Clips
from models.stt.network import Recogniser

__all__ = ["VARIANTS", "Shelf", "open_shelf"]

HOP = 160
Wave = NDArray[np.float32]

VARIANTS: dict[str, tuple[float, float, bool]] = {
    "as-is": (1.0, 1.0, False),
    "slower": (1.08, 1.16, False),
    "faster": (0.86, 0.93, False),
    "room": (0.9, 1.12, True),
}
"""Name -> shortest and longest time by which an utterance is stretched (its pitch moves too), and whether in a room."""


@dataclass(frozen=True)
class Shelf:
    """Utterance `i` is `frames[starts[i]:starts[i + 1]]`, its phones `phones[i]`."""

    name: str
    starts: list[int]
    phones: list[list[int]]
    frames: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.phones)

    def __getitem__(self, i: int) -> NDArray[np.float16]:
        return self.frames[self.starts[i] : self.starts[i + 1]]

    def length(self, i: int) -> int:
        return self.starts[i + 1] - self.starts[i]


def open_shelf(
    cache: Path, name: str, variant: str, *, clips: Clips, phones: dict[int, list[int]], rooms: Wave
) -> Shelf:
    """The clips that `phones` names, made into `cache` on first use."""
    flat, index = cache / f"bands-{name}-{variant}.npy", cache / f"bands-{name}-{variant}.json"
    if not index.exists():
        rng = np.random.default_rng(zlib.crc32(f"{name} {variant}".encode()))
        network = Recogniser(oversampling=1)
        made = [
            _energies(network, _heard(clips[i], VARIANTS[variant], rooms, rng))
            for i in track(phones, f"{name} {variant}", total=len(phones))
        ]
        np.save(flat, np.concatenate(made))
        starts = np.cumsum([0, *map(len, made)]).tolist()
        index.write_text(json.dumps({"starts": starts, "phones": list(phones.values())}))
    said = json.loads(index.read_text())
    return Shelf(f"{name} {variant}", said["starts"], said["phones"], np.load(flat, mmap_mode="r"))


def _heard(pcm: NDArray[np.int16], rule: tuple[float, float, bool], rooms: Wave, rng: np.random.Generator) -> Wave:
    shortest, longest, in_room = rule
    x = pcm.astype(np.float32) / 32768
    stretch = rng.uniform(shortest, longest)
    size = scipy.fft.next_fast_len(len(x) + (rooms.shape[-1] if in_room else 0), real=True)
    bins = scipy.fft.rfft(x, size)
    if in_room:
        bins *= scipy.fft.rfft(rooms[rng.integers(len(rooms)), 0], size)
    if stretch != 1.0:
        made = int(size * stretch) // 2 * 2
        bins = np.pad(bins, (0, max(made // 2 + 1 - len(bins), 0)))[: made // 2 + 1]
        x = scipy.fft.irfft(bins, made) * stretch
    else:
        x = scipy.fft.irfft(bins, size)
    return np.asarray(x[: int(len(pcm) * stretch)], np.float32)


@torch.no_grad()
def _energies(network: Recogniser, x: Wave) -> NDArray[np.float16]:
    whole = torch.from_numpy(x[: len(x) // HOP * HOP])[None]
    spectrum = network.spectrum.transform(network.spectrum.frames(whole))
    return network.energies(spectrum)[0].half().numpy()

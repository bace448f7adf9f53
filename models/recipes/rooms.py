"""Room responses for mixtures: recorded ones from the packs and many simulated ones, at 16 kHz.

Simulation is the image-source method (pyroomacoustics). Each response starts at its direct path.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.recipes.packs import decode, find

__all__ = ["RATE", "open_rooms", "simulate"]

RATE = 16_000
LENGTH = 12_000  # samples: 0.75 s
SIMULATED = 400

Response = NDArray[np.float32]


def simulate(rng: np.random.Generator) -> list[Response]:
    """Responses from two places (a talker, a noise) to one microphone in a random shoebox of 2-9 m."""
    import pyroomacoustics as pra

    size = np.array([rng.uniform(2.2, 9), rng.uniform(2.2, 7), rng.uniform(2.2, 3.6)])
    t60 = rng.uniform(0.12, 0.25) if rng.random() < 0.4 else rng.uniform(0.25, 0.8)
    floor = 0.161 * size.prod() / (2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2]))
    absorption, order = pra.inverse_sabine(max(t60, 1.05 * floor), size)
    room = pra.ShoeBox(size, fs=RATE, materials=pra.Material(absorption), max_order=min(order, 24))
    mic = rng.uniform(0.4, size - 0.4)
    room.add_microphone(mic)
    for source in _places(rng, size, mic):
        room.add_source(source)
    room.compute_rir()
    assert room.rir is not None
    return [trim(np.asarray(r, np.float32)) for r in room.rir[0]]


def _places(rng: np.random.Generator, size: NDArray[np.float64], mic: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    away = rng.normal(size=3)
    near = mic + away / np.linalg.norm(away) * rng.uniform(0.3, 2.0)
    return [np.clip(near, 0.2, size - 0.2), rng.uniform(0.2, size - 0.2)]


def trim(response: Response) -> Response:
    """From the direct path on, `LENGTH` samples, direct path at 1."""
    start = int(np.abs(response).argmax())
    cut = response[max(start - 8, 0) :][:LENGTH]
    return np.pad(cut / np.abs(cut).max(), (0, LENGTH - len(cut))).astype(np.float32)


def open_rooms(cache: Path, folders: list[Path]) -> Response:
    """All responses `[N, 2, LENGTH]` (talker's, noise's), made on first use."""
    path = cache / "rooms-16000.npy"
    if not path.exists():
        rng = np.random.default_rng(20)
        pairs = [simulate(rng) for _ in range(SIMULATED)]
        recorded = [trim(pcm.astype(np.float32)) for pcm in decode(find(folders, "*.flac"), RATE)]
        pairs += [[r, recorded[(i + 1) % len(recorded)]] for i, r in enumerate(recorded)]
        np.save(path, np.array(pairs))
    rooms: Response = np.load(path, mmap_mode="r")
    return rooms

"""Which recordings of the packs teach which model, and which are held back to measure it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.recipes.mixing import Mixer, Pool, Shares
from models.recipes.packs import Clips, find, is_held_back, open_clips, unpack
from models.recipes.rooms import open_rooms

__all__ = ["Sources", "mixer", "open_sources"]

SPEECH = {"clean": ("clean/*.opus", 0.45, 28.0), "libri": ("ls/*.opus", 0.15, 28.0), "so": ("so/*.opus", 0.18, 42.0)}
SPEECH |= {"kathleen": ("kathleen/*.opus", 0.17, 26.0), "grid": ("*.mkv", 0.05, 28.0)}
LOUD_NOISES, FEW_NOISES = ("moodist", "berlin", "blanket"), ("esc",)


@dataclass(frozen=True)
class Sources:
    """What to learn from, and what is kept apart: other talkers, other noises."""

    speech: list[Pool]
    noise: list[Pool]
    held_speech: Pool
    held_noise: Pool
    rooms: NDArray[np.float32]


def open_sources(packs: Path, cache: Path) -> Sources:
    """Everything decoded, from the packs' folder; minutes on first use, then instant."""
    folders = unpack(packs, cache / "unpacked")
    clips = {name: open_clips(cache, name, find(folders, rule[0])) for name, rule in SPEECH.items()}
    speech = [Pool(clips[name], _learned(clips[name], floor), weight) for name, (_, weight, floor) in SPEECH.items()]
    noise = open_clips(cache, "noise", find(folders, "noise/*.opus"))
    return Sources(
        speech=speech,
        noise=[_of_kind(noise, LOUD_NOISES, 0.65), _of_kind(noise, FEW_NOISES, 0.35)],
        held_speech=Pool(clips["clean"], _held(clips["clean"]), 1.0),
        held_noise=Pool(noise, _held(noise), 1.0),
        rooms=open_rooms(cache, folders),
    )


def mixer(sources: Sources, *, seconds: float, seed: int, shares: Shares) -> Mixer:
    """Training mixtures of one length."""
    rng = np.random.default_rng(seed)
    samples = int(seconds * 16_000)
    return Mixer(sources.speech, sources.noise, sources.rooms, samples=samples, rng=rng, shares=shares)


def _held(clips: Clips) -> list[int]:
    return [i for i, name in enumerate(clips.names) if is_held_back(name)]


def _learned(clips: Clips, floor_db: float) -> list[int]:
    """Clips of talkers that are not held back, whose loud parts stand `floor_db` above their background."""
    return [i for i, name in enumerate(clips.names) if not is_held_back(name) and range_db(clips, i) >= floor_db]


def _of_kind(clips: Clips, kinds: tuple[str, ...], weight: float) -> Pool:
    chosen = [i for i, name in enumerate(clips.names) if name.startswith(kinds) and not is_held_back(name)]
    return Pool(clips, chosen, weight)


def range_db(clips: Clips, i: int) -> float:
    """How far the loudest twentieth of a clip's 25 ms blocks lies above the quietest tenth."""
    pcm = clips[i].astype(np.float32)
    power = np.square(pcm[: len(pcm) // 400 * 400].reshape(-1, 400)).mean(1) + 1
    high, low = np.percentile(10 * np.log10(power), [95, 10])
    return float(high - low)

"""The voice that is learned from: Kathleen's recordings at 24 kHz without their hiss, their features and their texts.

Made once into a cache; recipes of the vocoder and of the acoustic model share it. The prompts that are held back are
those held back from the recogniser, all takes of each, so that one set of sentences serves to measure all three.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from models.recipes.hiss import cleaned, hiss_of
from models.recipes.mixing import active_rms
from models.recipes.packs import Clips, find, open_clips, unpack
from models.recipes.transcripts import is_held, texts_of
from models.tts.features import FEATURES, FRAMES_A_SECOND, HOP, PITCH_HZ, VOICE_HZ, mel

__all__ = ["Kathleen", "features_of", "open_kathleen", "pitch_of"]

LEVEL = 0.08  # active RMS of every clip
NEIGHBOURS = 21  # recordings made one after the other, which share their hiss
LOWEST_HZ, HIGHEST_HZ = 80.0, 450.0

Wave = NDArray[np.float32]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Kathleen:
    """Clips of whole hops; the features of clip `i` are `features[frames(i)]`, `[N, 82]`."""

    clips: Clips
    features: Features
    texts: list[str]
    learned: list[int]
    held: list[int]

    def frames(self, i: int) -> slice:
        return slice(self.clips.starts[i] // HOP, self.clips.starts[i + 1] // HOP)


def open_kathleen(packs: Path, cache: Path) -> Kathleen:
    """Her recordings, made ready into `cache` on first use (minutes)."""
    folders = unpack(packs, cache / "unpacked")
    raw = open_clips(cache, "kathleen", find(folders, "kathleen/*.opus"), VOICE_HZ)
    starts = np.cumsum([0, *(len(raw[i]) // HOP * HOP for i in range(len(raw)))]).tolist()
    flat, table = cache / "kathleen-clean.npy", cache / "kathleen-features.npy"
    if not table.exists():
        _make(raw, flat, table)
    texts, names = texts_of(folders), raw.names
    held = [i for i, name in enumerate(names) if is_held("kathleen", name)]
    learned = sorted(set(range(len(names))) - set(held))
    clips = Clips(names, starts, np.load(flat, mmap_mode="r"))
    return Kathleen(clips, np.load(table, mmap_mode="r"), [texts[name] for name in names], learned, held)


def _make(raw: Clips, flat: Path, table: Path) -> None:
    order = sorted(range(len(raw)), key=lambda i: raw.names[i].split("_")[-1])  # by the time of recording
    profiles = np.stack([hiss_of(_wave(raw, i)) for i in order])
    sounds: dict[int, Wave] = {}
    for place, i in enumerate(track(order, "cleaning and measuring")):
        near = slice(max(0, place - NEIGHBOURS // 2), place + NEIGHBOURS // 2 + 1)
        sound = cleaned(_wave(raw, i), np.median(profiles[near], axis=0))
        sounds[i] = sound[: len(sound) // HOP * HOP] * (LEVEL / active_rms(sound))
    ready = [np.clip(sounds[i], -1, 1) for i in range(len(raw))]
    np.save(flat, np.concatenate([(32767 * sound).astype(np.int16) for sound in ready]))
    np.save(table, np.concatenate([features_of(sound).T for sound in ready]))


def _wave(clips: Clips, i: int) -> Wave:
    return clips[i].astype(np.float32) / np.float32(32768)


def features_of(sound: Wave) -> Features:
    """`[T]` at 24 kHz -> `[82, T // 240]`; see `models/tts/features.py`."""
    bands = mel(torch.from_numpy(sound)[None])[0].numpy()
    hz = pitch_of(sound)
    sounding = hz > 0
    known = np.flatnonzero(sounding)
    steady = np.interp(np.arange(len(hz)), known, np.log2(hz[known] / PITCH_HZ)) if len(known) else np.zeros(len(hz))
    made = np.concatenate([bands, steady[None], sounding[None]]).astype(np.float32)
    assert made.shape == (FEATURES, len(sound) // HOP)
    return made


def pitch_of(sound: Wave) -> NDArray[np.float64]:
    """F0 in Hz in the middle of each hop of `[T]` at 24 kHz, 0 where the voice does not sound (WORLD's DIO)."""
    with warnings.catch_warnings(action="ignore"):  # it looks for its version by old means
        import pyworld

    late = np.concatenate([sound, np.zeros(HOP)])[HOP // 2 :].astype(np.float64)  # its frame n is at sample n * HOP
    period_ms = 1000 / FRAMES_A_SECOND
    rough, times = pyworld.dio(late, VOICE_HZ, frame_period=period_ms, f0_floor=LOWEST_HZ, f0_ceil=HIGHEST_HZ)
    made: NDArray[np.float64] = pyworld.stonemask(late, rough, times, VOICE_HZ)
    return made[: len(sound) // HOP]

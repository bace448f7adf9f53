"""What mouths do while people speak, for training: curves of the rig's mouth over recorded speech, every 10 ms.

From phones: each viseme of a phone pulls the mouth towards its shape, most in its own time and less before and after
it (dominance functions: Cohen and Massaro, 1993); lips that must shut do. From faces: how far apart a filmed man's
lips are and how wide, as `models/recipes/lips.py` measures them. Knows no network.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.faces import phone_pose, phone_visemes
from models.mouth import MOUTH
from models.recipes.aligned import Said, aligned
from models.recipes.packs import Pcm, find, open_clips, unpack
from models.rig import INDEX

__all__ = ["Spoken", "is_held", "lip_curves", "mouth_curves", "recordings"]

STEP_S = 0.01
COUNTS = {"faces": 300, "kathleen": 160, "libri": 36, "so": 110}
PATTERNS = {"faces": "*.mkv", "kathleen": "kathleen/*.opus", "libri": "ls/*.opus", "so": "so/*.opus"}
LETTER_A = "ay"  # GRID's letter, for a dictionary that says "uh" for "a"

Curves = NDArray[np.float32]

# How strongly and for how long (s before and after its own time) a viseme holds the mouth against its neighbours.
SEALED = ("PP", "FF")
ROUND = ("ou", "oh", "CH", "RR")
TONGUE = ("DD", "kk", "nn", "TH", "SS")
LEAD_S = 0.02  # lips are there before the sound is


@dataclass(frozen=True)
class Spoken:
    """A recording: 16 kHz sound, its phones, and for filmed ones time, opening and width of the lips."""

    name: str
    sound: Pcm
    said: Sequence[Said]
    lips: Curves | None  # [3, N]: seconds, opening, width


def recordings(packs: Path, cache: Path, kind: str, *, lips: Path | None = None) -> Iterator[Spoken]:
    """A spread of one kind (`COUNTS`) whose phones could be aligned; `lips`: what `models.recipes.lips` wrote."""
    files, texts = _asked(packs, cache, kind)
    filmed = np.load(lips) if lips is not None and kind == "faces" else {}
    said = dict(aligned(files, texts, cache / f"aligned-{kind}.jsonl"))
    clips = open_clips(cache, f"mouths-{kind}", files)
    for number, file in enumerate(files):
        if file in said:
            curves = filmed[file.stem][:, :3].T if file.stem in filmed else None
            yield Spoken(file.stem, clips[number], said[file], curves)


def is_held(name: str) -> bool:
    """Whether a recording is kept for measuring: a sixth, by its name."""
    return int(hashlib.md5(name.encode()).hexdigest(), 16) % 6 == 0


def _asked(packs: Path, cache: Path, kind: str) -> tuple[list[Path], list[str]]:
    folders = unpack(packs, cache / "unpacked")
    if kind == "faces":
        files = find([folder for folder in folders if folder.name == "faces"], PATTERNS[kind])
        return files, [_grid_text(file.with_suffix(".align")) for file in files]
    texts = dict(row for folder in folders for row in _index(folder))
    files = [file for file in find(folders, PATTERNS[kind]) if texts.get(file.name)]
    order = np.random.default_rng(7).permutation(len(files))[: COUNTS[kind]]
    return [files[i] for i in order], [texts[files[i].name] for i in order]


def _index(folder: Path) -> Iterator[tuple[str, str]]:
    path = folder / "index.tsv"
    if path.exists():
        with path.open(newline="") as file:
            for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if len(row) > 2:
                    yield Path(row[0]).name, row[2]


def _grid_text(path: Path) -> str:
    words = [line.split()[2] for line in path.read_text().splitlines()]
    return " ".join(LETTER_A if word == "a" else word for word in words if word not in ("sil", "sp"))


def mouth_curves(said: Sequence[Said], steps: int) -> Curves:
    """The rig's mouth (`MOUTH`) `[len(MOUTH), steps]`, each value at the middle of its 10 ms."""
    places = [INDEX[name] for name in MOUTH]
    middle = (np.arange(steps, dtype=np.float64) + 0.5) * STEP_S
    pulls = [_pull(*part, middle) for part in _parts(said)]
    weights = np.stack([weight for weight, _ in pulls])  # [P, steps]
    shapes = np.stack([phone_pose(phone, part)[places] for _, (phone, part) in pulls])  # [P, K]
    made = shapes.T @ (weights / weights.sum(0))
    return np.asarray(made, np.float32)


def _parts(said: Sequence[Said]) -> Iterator[tuple[str, int, float, float]]:
    """Every viseme of every phone: phone, which of its visemes, start and end."""
    for phone, start, end in said:
        count = len(phone_visemes(phone))
        for part in range(count):
            width = (end - start) / count
            yield phone, part, start + part * width, start + (part + 1) * width


def _pull(
    phone: str, part: int, start: float, end: float, middle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, int]]:
    viseme = phone_visemes(phone)[part]
    before, after = np.maximum(start - LEAD_S - middle, 0), np.maximum(middle - end + LEAD_S, 0)
    strength, reach = (8.0, 0.025) if viseme in SEALED else (1.0, 0.045)
    if viseme in ROUND:
        reach = 0.07
    if viseme in TONGUE:
        strength, reach = 0.6, 0.035
    if viseme == "sil":
        strength, reach = 0.8, 0.05
    return strength * np.exp(-((before + after) / reach)) + 1e-9, (phone, part)


def lip_curves(lips: Curves, steps: int) -> Curves:
    """Opening and width `[2, steps]` at the middle of every 10 ms; NaN where no face was found."""
    middle = (np.arange(steps) + 0.5) * STEP_S
    made = [np.interp(middle, lips[0], curve) for curve in lips[1:3]]
    return np.asarray(made, np.float32)

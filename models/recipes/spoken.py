"""Speech that the programs `flite` and `espeak-ng` read aloud: for training, never a product's voice.

Sentences come from the text pack. Voice, speed and pitch are drawn for each; one seed gives one set.
"""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray
from rich.progress import track
from scipy.io import wavfile

from models.recipes.packs import Clips

__all__ = ["open_spoken"]

RATE = 16_000
WAVE_HEADER = 44  # bytes
FLITE = ("slt", "rms", "awb")
ACCENTS = ("en-us", "en-us", "en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc", "en-029")
VARIANTS = tuple(f"m{i}" for i in range(1, 9)) + tuple(f"f{i}" for i in range(1, 6))
VARIANTS += ("Alex", "Andy", "Annie", "anika", "belinda", "ed", "grandma", "grandpa", "iven", "john", "linda", "steph")
VARIANTS += ("Tweaky", "kaukovalta", "shelby", "quincy", "michael", "Mario", "max", "Lee", "Jacky", "Denis", "Diogo")
MOST_SECONDS = 15

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Reading:
    """Who reads what, and how."""

    text: str
    voice: str
    rate: float  # 1 is the voice's own
    pitch: int  # 0-99, espeak-ng alone


def open_spoken(cache: Path, sentences: list[str], *, seed: int) -> tuple[Clips, list[str]]:
    """Every sentence read once by somebody, made into `cache` on first use: clips and their texts."""
    flat, index = cache / f"spoken-{seed}.npy", cache / f"spoken-{seed}.json"
    if not index.exists():
        _make(flat, index, sentences, seed)
    said = json.loads(index.read_text())
    return Clips(said["names"], said["starts"], np.load(flat, mmap_mode="r")), said["texts"]


def _make(flat: Path, index: Path, sentences: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    readings = [_draw(rng, text) for text in sentences]
    with ThreadPoolExecutor(1) as pool:
        made = list(track(pool.map(_read, readings), "reading aloud", total=len(readings)))
    kept = [(r, pcm) for r, pcm in zip(readings, made, strict=True) if RATE // 2 < len(pcm) < MOST_SECONDS * RATE]
    np.save(flat, np.concatenate([pcm for _, pcm in kept]))
    starts = np.cumsum([0, *(len(pcm) for _, pcm in kept)]).tolist()
    names = [f"{r.voice.replace('+', '_')}-{i}" for i, (r, _) in enumerate(kept)]
    index.write_text(json.dumps({"names": names, "starts": starts, "texts": [r.text for r, _ in kept]}))


def _draw(rng: np.random.Generator, text: str) -> Reading:
    rate = float(rng.uniform(0.85, 1.25))
    if rng.random() < 0.5:
        return Reading(text, str(rng.choice(FLITE)), rate, 50)
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
    return Reading(text, voice, rate, int(rng.integers(25, 75)))


def _read(reading: Reading) -> Pcm:
    return _flite(reading) if reading.voice in FLITE else _espeak(reading)


def _flite(reading: Reading) -> Pcm:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        stretch = f"duration_stretch={1 / reading.rate:.3f}"
        command = ["flite", "-voice", reading.voice, "--setf", stretch, "-t", reading.text.lstrip("-"), "-o", file.name]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL)
        made = Path(file.name).read_bytes()
        return np.asarray(wavfile.read(io.BytesIO(made))[1], np.int16) if made else np.zeros(0, np.int16)


def _espeak(reading: Reading) -> Pcm:
    speed = str(int(165 * reading.rate))
    command = ["espeak-ng", "-v", reading.voice, "-s", speed, "-p", str(reading.pitch), "--stdout", "--", reading.text]
    wave = subprocess.run(command, check=True, timeout=60, capture_output=True).stdout
    # A piped header cannot know the length, so it is passed over.
    pcm = np.frombuffer(wave[WAVE_HEADER:] or bytes(2), np.int16).astype(np.float32)
    resampled: NDArray[np.float32] = scipy.signal.resample_poly(pcm, 320, 441)
    return np.clip(resampled, -32768, 32767).astype(np.int16)

"""The recordings that recipes learn from, decoded once into flat int16 arrays on disk.

A packs' folder holds `NAME.tar` files or folders of the same names. Decoding is left to the `ffmpeg` program. This
file knows names, folders and samples; it knows nothing of mixtures or networks.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clips", "decode", "find", "is_held_back", "open_clips", "unpack"]

HELD_BACK_SHARE = 10
FILES_PER_CALL = 40

Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Clips:
    """Many recordings in one flat array: `names[i]` is `samples[starts[i]:starts[i + 1]]`."""

    names: list[str]
    starts: list[int]
    samples: Pcm

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> Pcm:
        return self.samples[self.starts[i] : self.starts[i + 1]]

    def seconds(self, i: int, rate: int = 16_000) -> float:
        return (self.starts[i + 1] - self.starts[i]) / rate


def unpack(packs: Path, scratch: Path) -> list[Path]:
    """The packs as folders: those already unpacked, and the `.tar` ones unpacked under `scratch`."""
    folders = sorted(p for p in packs.iterdir() if p.is_dir())
    present = {p.name for p in folders}
    for tar in sorted(packs.glob("*.tar")):
        if tar.stem in present:
            continue
        target = scratch / tar.stem
        if not target.exists():
            with tarfile.open(tar) as archive:
                archive.extractall(target, filter="data")
        folders.append(target)
    return folders


def find(folders: Sequence[Path], pattern: str) -> list[Path]:
    """Files under the packs that match `pattern`, each name once, in order of name."""
    return sorted({p.name: p for folder in folders for p in folder.glob(pattern)}.values(), key=lambda p: p.name)


def is_held_back(name: str) -> bool:
    """Whether a speaker's or a noise's recordings are kept for measuring; decided by the name alone."""
    stem = name.split(".")[0]
    source = "-".join(stem.split("-")[:3]) if stem.startswith("esc-") else stem.split("-")[0]
    if stem.startswith(("moodist", "blanket", "berlin")):
        source = stem
    return int(hashlib.md5(source.encode()).hexdigest(), 16) % HELD_BACK_SHARE == 0


def decode(paths: Sequence[Path], rate: int) -> list[Pcm]:
    """Mono PCM of each file at `rate`."""
    return [pcm for batch in _batches(paths) for pcm in _decode_batch(batch, rate)]


def _batches(paths: Sequence[Path]) -> Iterable[Sequence[Path]]:
    return (paths[i : i + FILES_PER_CALL] for i in range(0, len(paths), FILES_PER_CALL))


def _decode_batch(paths: Sequence[Path], rate: int) -> list[Pcm]:
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder) / str(i) for i in range(len(paths))]
        inputs = [word for p in paths for word in ("-i", str(p))]
        form = ["-ac", "1", "-ar", str(rate), "-f", "s16le"]
        outputs = [word for i, o in enumerate(outs) for word in ("-map", f"{i}:a:0", *form, str(o))]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", *inputs, *outputs]
        subprocess.run(command, check=True)
        return [np.fromfile(o, np.int16) for o in outs]


def open_clips(cache: Path, kind: str, paths: Sequence[Path], rate: int = 16_000) -> Clips:
    """The clips of `paths` at `rate`, decoded into `cache` on first use."""
    flat, index = cache / f"{kind}-{rate}.npy", cache / f"{kind}-{rate}.json"
    if not index.exists():
        cache.mkdir(parents=True, exist_ok=True)
        decoded = decode(paths, rate)
        np.save(flat, np.concatenate(decoded))
        starts = np.cumsum([0, *map(len, decoded)]).tolist()
        index.write_text(json.dumps({"names": [p.name for p in paths], "starts": starts}))
    said = json.loads(index.read_text())
    return Clips(said["names"], said["starts"], np.load(flat, mmap_mode="r"))

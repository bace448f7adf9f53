"""Lips from sound against lips as filmed: `limelight bench visemes FACES --lips lips.npz`.

Over the clips of GRID's speaker that nothing was learned from: how far the network's mouth goes along with the man's
(opening and width of his lips, measured by `models.recipes.lips`), how late it is, and the same of a mouth that only
follows the volume. Correlations are over all moments from the first to the last word; the lag is where the correlation
over a clip is highest, the median over clips: positive is a mouth that is late.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.prosody import loudness_db
from models.recipes.mouths import is_held, lip_curves
from models.recipes.packs import decode
from models.recipes.visemes import opened, widened
from models.visemes import WEIGHTS, Visemes, load_visemes
from tests.bench._table import show

HOP = 480
FARTHEST = 20  # hops of 10 ms either way
SPREAD_DB = 3.0  # how much louder than a clip's loud parts its loudest moment is taken to be
RANGE_DB = 30.0  # from there to a shut mouth

Curves = NDArray[np.float32]
"""`[2, N]`: opening and width, 100 a second."""


def by_network(net: Visemes) -> Callable[[Curves], Curves]:
    @torch.no_grad()
    def mouth(sound: Curves) -> Curves:
        made = net(torch.from_numpy(sound)[None, None])[0]
        return torch.stack([opened(made), widened(made)]).numpy()

    return mouth


def by_volume(sound: Curves) -> Curves:
    level = loudness_db(sound, 48_000)
    smooth = np.convolve(np.pad(level, 2, "edge"), np.ones(5) / 5, "valid")
    loud = float(np.percentile(smooth, 95)) + SPREAD_DB
    opening = np.clip(1 + (smooth - loud) / RANGE_DB, 0, 1)
    return np.stack([opening, opening]).astype(np.float32)  # it knows nothing of width


def spoken(path: Path) -> slice:
    """From the first to the last word, in hops."""
    rows = [line.split() for line in path.with_suffix(".align").read_text().splitlines()]
    said = [(int(start), int(end)) for start, end, word in rows if word not in ("sil", "sp")]
    return slice(said[0][0] // 250, said[-1][1] // 250)


def likeness(made: Curves, seen: Curves) -> float:
    there = np.isfinite(made) & np.isfinite(seen)
    return float(np.corrcoef(made[there], seen[there])[0, 1]) if made[there].std() > 0 else 0.0


def lag_ms(made: Curves, seen: Curves) -> float:
    def at(lag: int) -> float:
        return likeness(made[max(0, lag) : len(made) + min(0, lag)], seen[max(0, -lag) : len(seen) + min(0, -lag)])

    return 10.0 * max(range(-FARTHEST, FARTHEST + 1), key=at)


def row(name: str, made: Sequence[Curves], seen: Sequence[Curves]) -> dict[str, str | float]:
    together = [likeness(*(np.concatenate([one[i] for one in many]) for many in (made, seen))) for i in (0, 1)]
    lags = [lag_ms(one[0], other[0]) for one, other in zip(made, seen, strict=True)]
    return {"mouth": name, "opening": together[0], "width": together[1], "lag_ms": float(np.median(lags))}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench visemes", description=__doc__)
    parser.add_argument("faces", type=Path, help="folder of GRID's clips and alignments")
    parser.add_argument("--lips", type=Path, required=True, help="what models.recipes.lips wrote for them")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(argv)
    torch.set_num_threads(1)
    lips = np.load(told.lips)
    clips = [path for path in sorted(told.faces.glob("*.mkv")) if is_held(path.stem) and path.stem in lips]
    sounds = [np.asarray(pcm, np.float32) / 32768 for pcm in decode(clips, 48_000)]
    sounds = [sound[: len(sound) // HOP * HOP] for sound in sounds]
    parts = [spoken(path) for path in clips]
    seen = [
        lip_curves(lips[path.stem][:, :3].T, len(sound) // HOP)[:, part]
        for path, sound, part in zip(clips, sounds, parts, strict=True)
    ]
    rows = []
    for name, mouth in (("network", by_network(load_visemes(weights=told.weights))), ("volume", by_volume)):
        made = [mouth(sound)[:, part] for sound, part in zip(sounds, parts, strict=True)]
        rows.append(row(name, made, seen))
    title = f"{len(clips)} clips: correlation with the man's lips, and the lag of the opening"
    show(rows, title=title, as_json=told.json)
    return 0

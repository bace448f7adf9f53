"""The picture on the enhancer's card: one held-back recording before, after, and as it should be.

`picture.py PACKS PNG [--pair N]`
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch

matplotlib.use("Agg")
from matplotlib import pyplot

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.enhance import Enhancer, load_enhancer
from models.recipes.holdout import holdout
from models.recipes.sources import open_sources
from tests.bench.peers import Wave

__all__ = ["main"]


def loudness_db(x: Wave) -> Wave:
    """`[K, N]`, 512 window, 128 hop."""
    bins = torch.stft(torch.from_numpy(x), 512, 128, window=torch.hann_window(512), return_complex=True)
    level: Wave = (20 * torch.log10(bins.abs() + 1e-5)).numpy()
    return level


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--pair", type=int, default=9)
    told = parser.parse_args()
    pair = holdout(open_sources(told.packs, told.cache), told.pair + 1)[told.pair]
    enhancer = Enhancer(oversampling=1).eval()
    enhancer.net = load_enhancer().net
    noisy = pair.noisy[: len(pair.noisy) // enhancer.hop * enhancer.hop]
    made = enhancer(torch.from_numpy(noisy)[None, None])[0, 0].numpy()
    figure, axes = pyplot.subplots(3, 1, figsize=(7, 5.4), sharex=True, layout="constrained")
    for axis, x, name in zip(axes, (noisy, made, pair.clean), ("noisy", "enhanced", "clean"), strict=True):
        axis.imshow(
            loudness_db(np.ascontiguousarray(x)),
            origin="lower",
            aspect="auto",
            extent=(0, len(x) / 16_000, 0, 8),
            vmin=-60,
            vmax=25,
            cmap="magma",
        )
        axis.set_ylabel(f"{name}\nkHz")
    axes[-1].set_xlabel("s")
    told.png.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(told.png, dpi=80)


if __name__ == "__main__":
    main()

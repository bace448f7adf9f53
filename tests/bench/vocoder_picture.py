"""The picture on the vocoder's card: a held-back recording, and the same from its features.

`python -m tests.bench.vocoder_picture PACKS PNG [--clip N]`
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models.recipes.kathleen import open_kathleen
from models.tts.features import VOICE_HZ
from models.vocoder import WEIGHTS, load_vocoder
from tests.bench.picture import loudness_db, pyplot

__all__ = ["main"]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("png", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--clip", type=int, default=3, help="which of those held back")
    told = parser.parse_args()
    voice = open_kathleen(told.packs, told.cache)
    clip = voice.held[told.clip]
    features = torch.from_numpy(np.array(voice.features[voice.frames(clip)].T))[None]
    made = load_vocoder(weights=told.weights)(features)[0, 0].numpy()
    recorded = voice.clips[clip].astype(np.float32) / 32768
    figure, axes = pyplot.subplots(2, 1, figsize=(7, 4.6), sharex=True, layout="constrained")
    for axis, sound, name in zip(axes, (recorded, made), ("recorded", "from its features"), strict=True):
        extent = (0, len(sound) / VOICE_HZ, 0, VOICE_HZ / 2000)
        axis.imshow(loudness_db(sound), origin="lower", aspect="auto", extent=extent, vmin=-60, vmax=25, cmap="magma")
        axis.set_ylabel(f"{name}\nkHz")
    axes[-1].set_xlabel("s")
    told.png.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(told.png, dpi=80)
    Image.open(told.png).convert("P", palette=Image.Palette.ADAPTIVE, colors=48).save(told.png, optimize=True)


if __name__ == "__main__":
    main()

"""What the vocoder loses: held-back recordings against themselves, made from their own features.

`python -m tests.bench.copies PACKS [--count N]`: PocketSphinx's word errors on both, mel-cepstral distortion and F0
error in between, and the losses of the recipe. Needs the `bench` and `train` extras.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from models.recipes.kathleen import open_kathleen
from models.recipes.vocoder import held_losses
from models.stt.scoring import edits, spoken_words
from models.vocoder import WEIGHTS, load_vocoder
from tests.bench._table import show
from tests.bench._voice_quality import distances, listener

__all__ = ["main"]


@torch.no_grad()
def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--count", type=int, default=190, help="recordings, evenly chosen")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(given)
    torch.set_num_threads(1)
    voice, vocoder, hear = open_kathleen(told.packs, told.cache), load_vocoder(weights=told.weights), listener()
    words, wrong, apart = 0, np.zeros(2), []
    chosen = np.linspace(0, len(voice.held) - 1, min(told.count, len(voice.held))).astype(int)
    for i in track([voice.held[k] for k in chosen], "copies"):
        recorded = voice.clips[i].astype(np.float32) / np.float32(32768)
        features = torch.from_numpy(np.array(voice.features[voice.frames(i)].T))[None]
        made = vocoder(features)[0, 0].numpy()
        said = spoken_words(voice.texts[i])
        words += len(said)
        wrong += [edits(said, spoken_words(hear(sound))) for sound in (recorded, made)]
        apart.append(distances(made, recorded)[:3])
    hers, copied = 100 * wrong / words
    row: dict[str, str | float] = {"recordings": str(len(chosen)), "words": str(words)}
    row |= {"word errors % recorded": hers, "copied": copied, "ratio": copied / hers}
    row |= dict(zip(("MCD dB", "F0 cents", "voicing %"), np.nanmean(apart, 0).tolist(), strict=True))
    show([row | dict(held_losses(vocoder, voice, count=min(20, told.count)))], title="Copies", as_json=told.json)


if __name__ == "__main__":
    main()

"""The voice on sentences that it never learned: `python -m tests.bench.voice PACKS PART`, PART one of:

`words`: PocketSphinx's word errors on what the voice says, beside those on Kathleen reading the same sentences, and on
her sound through the vocoder alone. `spectra`: mel-cepstral distortion and F0 against her, beside the vocoder alone.
`picture`: one of her sentences and the voice's, as a PNG. `speed`: first sound, computing time and its shares, beside
flite and espeak-ng. Needs the `bench` and `train` extras.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from models.recipes.kathleen import open_kathleen
from models.tts.network import WEIGHTS, load_acoustic
from models.tts.voice import Voice
from models.vocoder import WEIGHTS as VOCODER_WEIGHTS
from models.vocoder import load_vocoder
from tests.bench._speaker import Speaker
from tests.bench._table import show
from tests.bench._voice_picture import picture
from tests.bench._voice_quality import spectra, words
from tests.bench._voice_speed import speed

__all__ = ["main"]

Rows = list[dict[str, str | float]]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("part", choices=("words", "spectra", "speed", "picture"))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--count", type=int, default=1_000, help="recordings at most")
    parser.add_argument("--acoustic", type=Path, default=WEIGHTS)
    parser.add_argument("--vocoder", type=Path, default=VOCODER_WEIGHTS)
    parser.add_argument("--out", type=Path, default=Path("voice.png"), help="where the picture goes")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(given)
    torch.set_num_threads(1)
    speaker = Speaker(Voice(load_acoustic(weights=told.acoustic)), load_vocoder(weights=told.vocoder))
    kathleen = open_kathleen(told.packs, told.cache)
    parts: dict[str, Callable[[], Rows]] = {
        "words": lambda: words(speaker, kathleen, count=told.count),
        "spectra": lambda: spectra(speaker, kathleen, count=told.count),
        "picture": lambda: picture(speaker, kathleen, told.out),
        "speed": lambda: speed(speaker, kathleen, count=told.count),
    }
    show(parts[told.part](), title=f"The voice: {told.part}", as_json=told.json)


if __name__ == "__main__":
    main()

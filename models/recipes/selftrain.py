"""What the recogniser makes of the untranscribed speakers, to learn from: `python -m models.recipes.selftrain PACKS …`.

Writes a table of file, confidence and words, best first; the recogniser's recipe takes it by `--heard`. Self-training:
Kahn et al., arXiv:1909.09116.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from safetensors.torch import load_file

from models.recipes.packs import find, is_held_back, open_clips, unpack
from models.stt.language import load_language
from models.stt.network import Recogniser
from models.stt.search import Search, Word

__all__ = ["columns", "main", "transcribe"]

HOP = 640  # samples of a network frame at 16 kHz


@torch.no_grad()
def columns(network: Recogniser, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """Scaled log posteriors `[T, 40]` of a recording at 16 kHz; the network must be made for that rate."""
    x = torch.from_numpy(pcm[: len(pcm) // HOP * HOP].astype(np.float32) / 32768)[None, None]
    made: NDArray[np.float32] = network(x)[0].T.contiguous().numpy()
    return made


def transcribe(search: Search, posteriors: NDArray[np.float32]) -> list[Word]:
    """The words of one whole utterance."""
    search.push(posteriors)
    return search.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="table to write")
    told = parser.parse_args()
    torch.set_num_threads(1)
    network = Recogniser(oversampling=1).eval()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(told.weights).items()})
    language = load_language()
    clips = open_clips(told.cache, "clean", find(unpack(told.packs, told.cache / "unpacked"), "clean/*.opus"))
    chosen = [i for i, name in enumerate(clips.names) if not is_held_back(name)]
    rows = []
    for i in track(chosen, "listening"):
        words = transcribe(Search(language), columns(network, clips[i]))
        sure = float(np.mean([word.confidence for word in words])) if words else 0.0
        rows.append((sure, clips.names[i], " ".join(word.text for word in words)))
    rows.sort(reverse=True)
    told.out.write_text("".join(f"{name}\t{sure:.4f}\t{text}\n" for sure, name, text in rows))


if __name__ == "__main__":
    main()

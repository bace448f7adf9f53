"""Word errors on held-back recordings, and computing time, beside PocketSphinx: `python -m tests.bench.stt PACKS`.

The recogniser runs as in a session, one step of 160 ms after another in one thread (not compiled), and the search
after it. PocketSphinx, where it is installed, hears the same recordings with its own model and language model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from models.recipes.transcripts import Spoken, open_transcribed
from models.stt.language import load_language
from models.stt.network import WEIGHTS, Recogniser
from models.stt.scoring import edits, spoken_words
from models.stt.search import Limits, Search
from tests.bench._table import show

__all__ = ["main", "measure"]

RATE = 16_000
Pcm = NDArray[np.int16]


@dataclass(frozen=True)
class Listener:
    """A recogniser under measurement: what it makes of a recording."""

    name: str
    hear: Callable[[Pcm], str]


def limelight(weights: Path, limits: Limits) -> Listener:
    """Ours, at 16 kHz: the same network with a shorter window."""
    network = Recogniser(oversampling=1)
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    network.eval()
    language = load_language()

    def hear(pcm: Pcm) -> str:
        search = Search(language, limits=limits)
        for column in columns(network, pcm):
            search.push(column)
        return " ".join(word.text for word in search.finish())

    return Listener("Limelight", hear)


@torch.no_grad()
def columns(network: Recogniser, pcm: Pcm) -> list[NDArray[np.float32]]:
    """Log posteriors `[8, 40]` of each step, the look-ahead taken off the front and flushed at the end."""
    late = int(network.delay)
    steps = -(-len(pcm) // network.hop) + -(-late // int(network.hop * network.ratio))
    sound = torch.from_numpy(np.pad(pcm, (0, steps * network.hop - len(pcm))).astype(np.float32) / 32768)
    state, made = network.initial_state(1), []
    for chunk in sound[None, None].split(network.hop, -1):
        state, out = network.step(state, chunk)
        made.append(out[0].T.numpy())
    whole = np.concatenate(made)[late:]
    return [whole[at : at + 8] for at in range(0, len(whole), 8)]


def pocketsphinx() -> list[Listener]:
    """PocketSphinx 5 with the model that comes with it, if it is installed."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        return []

    def hear(pcm: Pcm) -> str:
        decoder = Decoder(samprate=RATE, loglevel="FATAL")
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        said = decoder.hyp()
        return said.hypstr if said else ""

    return [Listener("PocketSphinx", hear)]


def row(listener: Listener, name: str, spoken: Spoken, chosen: Sequence[int]) -> dict[str, str | float]:
    wrong = words = 0
    seconds = sum(spoken.clips.seconds(i) for i in chosen)
    spent_s = 0.0
    for i in chosen:
        began = time.process_time()
        heard = listener.hear(spoken.clips[i])
        spent_s += time.process_time() - began
        said = spoken_words(spoken.texts[i])
        wrong, words = wrong + edits(said, spoken_words(heard)), words + len(said)
    return {
        "": listener.name,
        "held back": name,
        "words": float(words),
        "word errors %": 100 * wrong / words,
        "compute/media": spent_s / seconds,
    }


def measure(packs: Path, cache: Path, *, count: int, weights: Path = WEIGHTS) -> list[dict[str, str | float]]:
    """A row for each recogniser and set, over `count` of the set's recordings, evenly chosen."""
    torch.set_num_threads(1)
    sets = open_transcribed(packs, cache)
    listeners = [limelight(weights, Limits(budget=1.0)), *pocketsphinx()]
    rows = []
    for name, spoken in sets.items():
        chosen = [
            spoken.held[i] for i in np.linspace(0, len(spoken.held) - 1, min(count, len(spoken.held))).astype(int)
        ]
        rows += [row(listener, name, spoken, chosen) for listener in listeners]
    return rows


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--count", type=int, default=100, help="recordings of each set")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(given)
    rows = measure(told.packs, told.cache, count=told.count, weights=told.weights)
    show(rows, title="Word errors on held-back recordings", as_json=told.json)


if __name__ == "__main__":
    main()

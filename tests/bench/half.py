"""`limelight bench half PACKS`: what bfloat16 products cost in quality: PESQ of the enhancer, word errors of captions.

The forms that a GPU gets step held-back recordings once in float32 and once in bfloat16, on a GPU where there is one,
else with the same roundings on the processor. Where the difference passes its bar the answer is no, and so is the exit
status; `limelight bench gpu --packs` asks this before it measures the quicker forms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pesq import pesq
from safetensors.torch import load_file
from scipy.signal import resample_poly  # type: ignore[attr-defined]
from torch import Tensor

from models.enhance import load_enhancer
from models.enhance_fused import FusedEnhancer
from models.recipes.holdout import Pair, holdout
from models.recipes.sources import open_sources
from models.recipes.transcripts import Spoken, open_transcribed
from models.streaming import StreamingModule, Tree, tree_map
from models.stt.language import Language, load_language
from models.stt.network import WEIGHTS, Recogniser
from models.stt.ringed import RingedRecogniser
from models.stt.scoring import edits, spoken_words
from models.stt.search import Limits, Search
from tests.bench._table import show

__all__ = ["main", "measure"]

DTYPES = (torch.float32, torch.bfloat16)
PESQ_LOST, ERRORS_MORE = 0.02, 0.5  # at most: of the mean, and percent of the words
Wave = NDArray[np.float32]
Rows = list[dict[str, str | float]]


@dataclass(frozen=True, slots=True)
class Told:
    """Where the recordings are, how many of each kind to take, and where to compute."""

    packs: Path
    cache: Path
    count: int
    device: torch.device


def measure(told: Told) -> Rows:
    """A row a model."""
    with torch.no_grad():
        return [_enhance(told), *_captions(told)]


def _enhance(told: Told) -> dict[str, str | float]:
    pairs = holdout(open_sources(told.packs, told.cache), told.count)
    noisy = np.stack([resample_poly(_long(pair.noisy), 3, 1) for pair in pairs])

    def score(dtype: torch.dtype) -> float:
        made = _streamed(FusedEnhancer(load_enhancer(), products=dtype), noisy, told.device)[:, 0]
        return float(np.mean([_pesq(out, pair) for out, pair in zip(made, pairs, strict=True)]))

    full, half = map(score, DTYPES)
    return _row("enhance: PESQ-WB", full, half, _answer(full - half <= PESQ_LOST))


def _long(x: Wave) -> Wave:
    return np.pad(x, (0, 96_000 - len(x)))


def _pesq(made: Wave, pair: Pair) -> float:
    return float(pesq(16_000, pair.clean, resample_poly(made, 1, 3)[: len(pair.clean)].astype(np.float32), "wb"))


def _captions(told: Told) -> Rows:
    """A row a set, and the answer for all of them: one set alone has too few words for the bar."""
    language, rows, all_wrong, words = load_language(), list[dict[str, str | float]](), np.zeros(2), 0
    for name, spoken in open_transcribed(told.packs, told.cache).items():
        wrong, said = _wrong(spoken, language, told)
        all_wrong, words = all_wrong + wrong, words + said
        rows.append(_row(f"captions, {name}: word errors %", *(100 * wrong / said), "-"))
    full, half = 100 * all_wrong / words
    return [*rows, _row("captions: word errors %", full, half, _answer(half - full <= ERRORS_MORE))]


def _wrong(spoken: Spoken, language: Language, told: Told) -> tuple[NDArray[np.float64], int]:
    """Words that are wrong in float32 and in bfloat16, and how many were said."""
    places = np.linspace(0, len(spoken.held) - 1, min(told.count, len(spoken.held))).astype(int)
    chosen = [spoken.held[place] for place in places]
    sounds = [spoken.clips[i].astype(np.float32) / 32768 for i in chosen]
    said = [spoken_words(spoken.texts[i]) for i in chosen]
    longest = max(map(len, sounds))
    batch = np.stack([np.pad(x, (0, longest - len(x))) for x in sounds])
    ends = [-(-len(x) // 320) for x in sounds]  # a column is 20 ms

    def wrong(dtype: torch.dtype) -> int:
        network = Recogniser(oversampling=1)
        network.load_state_dict({name: tensor.float() for name, tensor in load_file(WEIGHTS).items()})
        made = _streamed(RingedRecogniser(network.eval(), products=dtype), batch, told.device)
        heard = [_heard(out[:, :end].T, language) for out, end in zip(made, ends, strict=True)]
        return sum(edits(want, got) for want, got in zip(said, heard, strict=True))

    return np.array([wrong(dtype) for dtype in DTYPES], float), sum(map(len, said))


def _heard(columns: Wave, language: Language) -> list[str]:
    search = Search(language, limits=Limits(budget=1.0))
    for at in range(0, len(columns), 8):
        search.push(columns[at : at + 8])
    return spoken_words(" ".join(word.text for word in search.finish()))


def _streamed(module: StreamingModule, sound: Wave, device: torch.device) -> Wave:
    """All of `sound` `[N, T]` through the module's own step in place, its delay taken off, `[N, C, T * ratio]`."""
    module = module.to(device).requires_grad_(False)
    late = -(-module.delay // int(module.hop * module.ratio))
    steps = -(-sound.shape[1] // module.hop) + late
    x = np.pad(sound, ((0, 0), (0, steps * module.hop - sound.shape[1]))).astype(np.float32)
    state: Tree = tree_map(lambda leaf: leaf.to(device), module.initial_state(len(x)))
    active, made = torch.ones(len(x), dtype=torch.bool, device=device), list[Tensor]()
    for chunk in torch.from_numpy(x)[:, None].to(device).split(module.hop, -1):
        out = module.advance(state, chunk.contiguous(), active)
        assert isinstance(out, Tensor)
        made.append(out.float().cpu())
    return torch.cat(made, -1)[..., module.delay :].numpy()


def _row(what: str, full: float, half: float, holds: str) -> dict[str, str | float]:
    return {"": what, "float32": float(full), "bfloat16": float(half), "holds": holds}


def _answer(holds: bool) -> str:
    return "yes" if holds else "NO"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; 1 where bfloat16 does not hold."""
    parser = argparse.ArgumentParser(prog="limelight bench half", description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--count", type=int, default=24, help="recordings of each kind")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = measure(Told(given.packs, given.cache, given.count, device))
    show(rows, title=f"{given.count} held-back recordings of each kind, on {device}", as_json=given.json)
    return int(any(row["holds"] == "NO" for row in rows))


if __name__ == "__main__":
    sys.exit(main())

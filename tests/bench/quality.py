"""How well the enhancer cleans, beside others, on talkers and noises it never heard: `quality.py PACKS [--json]`.

Every denoiser gets the same recordings, frame by frame and in one thread. Scores are means over the recordings with
a 95 % bootstrap interval; the time is processor time over media time in this same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from pesq import pesq
from pystoi.stoi import stoi
from rich.console import Console
from rich.table import Table
from scipy.signal import resample_poly  # type: ignore[attr-defined]
from torch import Tensor, nn
from torch._inductor import aoti_compile_and_package, aoti_load_package

sys.path.insert(0, str(Path(__file__).parents[2]))

from models.enhance import Enhancer, EnhanceState, load_enhancer
from models.recipes.holdout import Pair, holdout, si_sdr_db
from models.recipes.sources import open_sources
from tests.bench.peers import Denoiser, Wave, open_peers

__all__ = ["main", "measure"]

SCORES = ("pesq", "stoi", "si_sdr_db")
Row = dict[str, float | list[float] | str]


class FlatStep(nn.Module):
    """The enhancer's step on loose tensors, as export wants it."""

    def __init__(self, enhancer: Enhancer) -> None:
        super().__init__()
        self.enhancer = enhancer

    def forward(self, past: Tensor, tail: Tensor, memory: Tensor, chunk: Tensor) -> tuple[Tensor, ...]:
        state, out = self.enhancer.step(EnhanceState(past, tail, memory), chunk)
        return (*state, out)


@torch.no_grad()
def compiled(enhancer: Enhancer, batch: int) -> Callable[..., list[Tensor]]:
    """`FlatStep` ahead of time, for one batch size."""
    given = (*enhancer.initial_state(batch), torch.zeros(batch, enhancer.channels, enhancer.hop))
    exported = torch.export.export(FlatStep(enhancer), given)
    with tempfile.TemporaryDirectory() as folder:
        package = aoti_compile_and_package(exported, package_path=f"{folder}/step.pt2")
        step: Callable[..., list[Tensor]] = aoti_load_package(package)
    return step


def streamed(enhancer: Enhancer) -> Denoiser:
    """Ours, hop by hop at 48 kHz, compiled as the engine compiles it."""
    step = compiled(enhancer, 1)

    @torch.no_grad()
    def run(x: Wave) -> Wave:
        hops = -(-len(x) // enhancer.hop) + enhancer.delay // enhancer.hop
        sound = torch.from_numpy(np.pad(x, (0, hops * enhancer.hop - len(x))))[None, None]
        state, made = list(enhancer.initial_state(1)), []
        for chunk in sound.split(enhancer.hop, -1):
            *state, out = step(*state, chunk.contiguous())
            made.append(out)
        whole: Wave = torch.cat(made, -1)[0, 0].numpy()
        return whole[enhancer.delay :][: len(x)]

    return Denoiser("Limelight", enhancer.hop * 100, run)


def at_rate(denoiser: Denoiser, x: Wave) -> tuple[Wave, float]:
    """Clean a 16 kHz recording at the denoiser's own rate; the result at 16 kHz, and the seconds it took."""
    factor = denoiser.rate // 16_000
    given = resample_poly(x, factor, 1).astype(np.float32) if factor > 1 else x
    started = time.process_time()
    made = denoiser.run(given)
    spent_s = time.process_time() - started
    back = resample_poly(made, 1, factor).astype(np.float32) if factor > 1 else made
    return back[: len(x)], spent_s


def judge(made: Wave, clean: Wave) -> tuple[float, float, float]:
    return pesq(16_000, clean, made, "wb"), stoi(clean, made, 16_000), si_sdr_db(made, clean)


def interval(values: Sequence[float]) -> list[float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(0)
    means = np.asarray(values)[rng.integers(0, len(values), (2000, len(values)))].mean(1)
    return [float(edge) for edge in np.percentile(means, [2.5, 97.5])]


def level_db(x: Wave) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-12))


def row(denoiser: Denoiser, pairs: Sequence[Pair]) -> Row:
    """Everything about one denoiser."""
    denoiser.run(np.zeros(denoiser.rate // 2, np.float32))
    made = [at_rate(denoiser, pair.noisy) for pair in pairs]
    scores = np.array([judge(out, pair.clean) for (out, _), pair in zip(made, pairs, strict=True)])
    kept = [at_rate(denoiser, pair.clean)[0] for pair in pairs]
    noise = [pair.noisy - pair.clean for pair in pairs]
    left = [level_db(at_rate(denoiser, n)[0]) - level_db(n) for n in noise]
    seconds = sum(len(pair.noisy) for pair in pairs) / 16_000
    said: Row = {"name": denoiser.name, "rtf": sum(spent for _, spent in made) / seconds}
    for i, name in enumerate(SCORES):
        said[name], said[f"{name}_interval"] = float(scores[:, i].mean()), interval(scores[:, i].tolist())
    said["clean_pesq"] = float(np.mean([pesq(16_000, p.clean, k, "wb") for p, k in zip(pairs, kept, strict=True)]))
    said["noise_left_db"] = float(np.mean(left))
    said["silence_db"] = level_db(at_rate(denoiser, np.zeros(16_000, np.float32))[0])
    return said


def measure(packs: Path, cache: Path, *, count: int) -> list[Row]:
    """A row for the noisy sound itself, ours, and each peer."""
    torch.set_num_threads(1)
    sources = open_sources(packs, cache)
    pairs = holdout(sources, count)
    folders = [p for p in (packs / "peers", cache / "unpacked" / "peers") if p.exists()]
    peers = open_peers(folders[0]) if folders else []
    untouched = Denoiser("noisy", 16_000, lambda x: x)
    return [row(denoiser, pairs) for denoiser in (untouched, streamed(load_enhancer()), *peers)]


def show(rows: Sequence[Row]) -> Table:
    table = Table(title="Held-back talkers and noises, -2.5 to 12.5 dB")
    for name in ("", "PESQ-WB", "STOI", "SI-SDR dB", "clean in: PESQ", "noise only dB", "silence dB", "compute/media"):
        table.add_column(name, justify="right" if name else "left")
    for r in rows:
        ranged = [f"{r[n]:.3f} [{r[n + '_interval'][0]:.2f}, {r[n + '_interval'][1]:.2f}]" for n in SCORES]  # type: ignore[index]
        rest = (f"{r['clean_pesq']:.2f}", f"{r['noise_left_db']:.1f}", f"{r['silence_db']:.0f}", f"{r['rtf']:.4f}")
        table.add_row(str(r["name"]), *ranged, *rest)
    return table


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight" / "packs")
    parser.add_argument("--count", type=int, default=92)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args(given)
    rows = measure(told.packs, told.cache, count=told.count)
    if told.json:
        print(json.dumps(rows, indent=1))
    else:
        Console(width=150).print(show(rows))


if __name__ == "__main__":
    main()

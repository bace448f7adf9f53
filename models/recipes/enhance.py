"""How the enhancer is trained: `python -m models.recipes.enhance PACKS --out DIR --hours H`.

Run again with the same folder, it goes on where it stopped. The shipped form is `DIR/enhance.safetensors`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.enhance import Enhancer, compress, expand, multiply
from models.recipes.holdout import Pair, Wave, holdout, si_sdr_db
from models.recipes.losses import EnhanceLoss
from models.recipes.norms import add_norms, folded
from models.recipes.sources import open_sources
from models.recipes.training import Plan, Training, batches

__all__ = ["export", "main"]


def clean_up(enhancer: Enhancer, heard: Tensor) -> Tensor:
    """`Enhancer.forward` for one channel `[B, T]`, with the network in bfloat16."""
    frames = enhancer.spectrum.frames(torch.nn.functional.pad(heard, (0, enhancer.hop)))
    spectra = enhancer.spectrum.transform(frames)  # [B, N, 2, 256]
    with torch.autocast("cpu", torch.bfloat16):
        mask = enhancer.net(compress(spectra))
    tails = enhancer.spectrum.tails(multiply(expand(mask.float()), spectra))
    return enhancer.spectrum.overlap(tails)


def export(enhancer: Enhancer, path: Path) -> None:
    """The shipped form: norms folded in, half precision."""
    plain = folded(enhancer.net)
    save_file({name: tensor.half().contiguous() for name, tensor in plain.state_dict().items()}, path)


@torch.no_grad()
def scores(enhancer: Enhancer, pairs: list[Pair]) -> dict[str, float]:
    """Means over the pairs: PESQ (wide band), STOI, SI-SDR in dB, and PESQ of clean speech passed through."""
    from pesq import pesq
    from pystoi.stoi import stoi

    plain = Enhancer(oversampling=1)
    plain.net.load_state_dict(folded(enhancer.net).state_dict())
    rows = []
    for pair in pairs:
        made, kept = (_passed(plain.eval(), x) for x in (pair.noisy, pair.clean))
        clean = pair.clean[: len(made)]
        judged = [pesq(16_000, clean, made, "wb"), stoi(clean, made, 16_000), si_sdr_db(made, clean)]
        rows.append([*judged, pesq(16_000, clean, kept, "wb")])
    return dict(zip(("pesq", "stoi", "si_sdr_db", "clean_pesq"), np.mean(rows, 0).tolist(), strict=True))


def _passed(enhancer: Enhancer, x: Wave) -> Wave:
    whole = len(x) // enhancer.hop * enhancer.hop
    made: Wave = enhancer(torch.from_numpy(x[:whole])[None, None])[0, 0].numpy()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, required=True, help="wall clock, over all runs with this folder")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of the PESQ-like loss")
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(1)
    sources = open_sources(told.packs, told.out / "cache")
    pairs = holdout(sources, 24)
    enhancer, loss = Enhancer(oversampling=1), EnhanceLoss(perceptual=told.perceptual)
    add_norms(enhancer.net)

    def judge(net: nn.Module, heard: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Enhancer)
        parts: dict[str, Tensor] = loss(clean_up(net, heard), wanted, heard)
        return parts

    def check(net: nn.Module) -> str:
        assert isinstance(net, Enhancer)
        export(net, told.out / "enhance.safetensors")
        return str(scores(net, pairs))

    training = Training(enhancer, judge, Plan(told.hours, rate=told.rate), told.out, check)
    training.run(batches(sources, training.plan, seed=training.seed))


if __name__ == "__main__":
    main()

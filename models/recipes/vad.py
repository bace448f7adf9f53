"""How the voice activity detector is trained: `python -m models.recipes.vad PACKS --out DIR --hours H`.

The mixtures are the enhancer's, with more of them without speech; what counts as speech is read off the clean track.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from models.recipes.holdout import Pair, holdout
from models.recipes.mixing import Shares
from models.recipes.sources import open_sources
from models.recipes.training import Plan, Training, batches
from models.vad import Vad

__all__ = ["main", "speaking"]

HOP = 160


def speaking(wanted: Tensor) -> Tensor:
    """Clean speech `[B, T]` -> 1 for the hops where somebody speaks `[B, T / hop]`, short gaps filled.

    A hop counts if it stands out from the track's background and is not far below its loud parts.
    """
    power = wanted.unfold(-1, HOP, HOP).square().mean(-1)  # [B, N]
    level_db = 10 * torch.log10(F.avg_pool1d(power[:, None], 3, 1, 1)[:, 0] + 1e-10)
    loud = level_db.quantile(0.95, -1, keepdim=True)
    edge = torch.clamp(level_db.quantile(0.05, -1, keepdim=True) + 10, loud - 40, loud - 17)
    said = ((level_db > edge) & (level_db > -70)).float()
    wide = F.max_pool1d(said[:, None], 11, 1, 5)
    return -F.max_pool1d(-wide, 7, 1, 3)[:, 0]


@torch.no_grad()
def scores(vad: Vad, pairs: list[Pair]) -> dict[str, float]:
    """Over the hops of the pairs: area under the curve, and both kinds of error at one half."""
    labels, given, alone = [], [], []
    for pair in pairs:
        whole = len(pair.clean) // HOP * HOP
        clean, noisy = (torch.from_numpy(x[:whole])[None] for x in (pair.clean, pair.noisy))
        labels.append(speaking(clean)[0])
        given.append(torch.sigmoid(vad.logits(noisy))[0])
        alone.append(torch.sigmoid(vad.logits(noisy - clean))[0])
    label, chance, noise = (torch.cat(x) for x in (labels, given, alone))
    missed, false = (chance < 0.5)[label > 0.5].float().mean(), (chance > 0.5)[label < 0.5].float().mean()
    only = (noise > 0.5).float().mean()
    return {"auc": area(chance, label), "missed": float(missed), "false": float(false), "noise_only": float(only)}


def area(chance: Tensor, label: Tensor) -> float:
    """Area under the receiver's curve."""
    ranks = chance.argsort().argsort().double()
    positive = label > 0.5
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - n * (n - 1) / 2) / max(n * m, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, required=True)
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(1)
    sources = open_sources(told.packs, told.out / "cache")
    pairs = holdout(sources, 48)

    def judge(net: nn.Module, heard: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Vad)
        return {"error": F.binary_cross_entropy_with_logits(net.logits(heard), speaking(wanted))}

    def check(net: nn.Module) -> str:
        assert isinstance(net, Vad)
        half = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
        save_file(half, told.out / "vad.safetensors")
        return str(scores(net, pairs))

    plan = Plan(told.hours, batch=16, seconds=4.0, check_every_s=120, shares=Shares(clean=0.1, empty=0.25))
    training = Training(Vad(oversampling=1), judge, plan, told.out, check)
    training.run(batches(sources, plan, seed=training.seed))


if __name__ == "__main__":
    main()

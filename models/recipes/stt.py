"""How the recogniser is trained: `python -m models.recipes.stt PACKS --out DIR --hours H`.

Real and synthetic speech as log energies, disturbed anew each time; connectionist temporal classification with label
priors (Huang et al., arXiv:2406.02560), on two disturbed views of each utterance that must agree (CR-CTC: Yao et al.,
arXiv:2410.05101). PACKS holds the unpacked packs; `espeak-ng`, `flite` and `ffmpeg` must be installed. A last short
run with `--polish WEIGHTS --rate 4e-4` hears everything once and hardly disturbed, and real voices more often.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.recipes.bands import Shelf
from models.recipes.disturb import Disturber
from models.recipes.shelves import POLISH_WEIGHTS, WEIGHTS, held_shelves, learned_shelves, noise_shelf, supply
from models.recipes.training import Plan, Training
from models.stt.network import Recogniser

__all__ = ["greedy", "main", "phone_errors"]

PRIOR_POWER = 0.3
PRIOR_KEEP = 0.99
PRIOR_AFTER = 400  # steps
AGREEMENT = 0.2


class Losses:
    """Losses of a batch, each utterance disturbed in one or two ways; keeps the running label prior in the network's
    buffer."""

    def __init__(self, disturb: Disturber, *, views: int = 2) -> None:
        self.disturb, self.views, self.steps = disturb, views, 0

    def __call__(
        self, net: nn.Module, frames: Tensor, lengths: Tensor, phones: Tensor, counts: Tensor
    ) -> dict[str, Tensor]:
        """Log energies `[B, T, bands]` of `lengths` frames, and their `phones` `[B, U]`."""
        assert isinstance(net, Recogniser)
        heard = torch.cat([self.disturb(frames, net.mean.cpu()) for _ in range(self.views)])
        lengths, phones, counts = (x.to(net.mean.device) for x in (lengths, phones, counts))
        with torch.autocast(net.mean.device.type, torch.bfloat16):
            logits = net.logits(heard.to(net.mean.device))
        logs = F.log_softmax(logits.float(), -1)  # [views x B, N, 40]
        columns = (lengths // 2).clamp(max=logs.shape[1])
        there = (torch.arange(logs.shape[1], device=logs.device) < columns[:, None]).repeat(self.views, 1)
        self._learn_prior(net, logs.detach()[there])
        total = counts.sum() * self.views
        labels = (phones.repeat(self.views, 1), columns.repeat(self.views), counts.repeat(self.views))
        ctc = prior_ctc(logs, net.prior, labels, there)
        if self.views == 1:
            return {"ctc": ctc / total}
        return {"ctc": ctc / total, "agree": AGREEMENT * self._disagreement(logs, there) / total}

    def _learn_prior(self, net: Recogniser, logs: Tensor) -> None:
        """From `PRIOR_AFTER` steps on, follow the mean of the posteriors, beginning with equal shares."""
        self.steps += 1
        if self.steps < PRIOR_AFTER and not net.prior.any():
            return
        shares = torch.softmax(net.prior / PRIOR_POWER, -1)
        now = logs.exp().mean(0).clamp(min=1e-5)
        net.prior.copy_(now.lerp(shares, PRIOR_KEEP).log() * PRIOR_POWER)

    def _disagreement(self, logs: Tensor, there: Tensor) -> Tensor:
        one, two = logs.chunk(2)
        apart = (one.detach().exp() * (one.detach() - two) + two.detach().exp() * (two.detach() - one)).sum(-1)
        return (apart * there.chunk(2)[0]).sum()


def prior_ctc(logs: Tensor, prior: Tensor, labels: tuple[Tensor, Tensor, Tensor], there: Tensor) -> Tensor:
    """Summed CTC loss of log posteriors `[B, N, 40]` less `prior`; `labels` are phones, columns and counts.

    The library's gradient takes its input to be normalised, which it is not once a prior is off: the occupation of
    each label is read from that gradient, and given its true weight.
    """
    phones, columns, counts = labels
    scaled = (logs.detach() - prior).requires_grad_()
    losses = F.ctc_loss(scaled.transpose(0, 1), phones, columns, counts, reduction="none")
    possible = torch.isfinite(losses.detach())
    loss = losses[possible].sum()
    (gradient,) = torch.autograd.grad(loss, scaled)
    occupied = (scaled.detach().exp() - gradient) * (there & possible[:, None])[..., None]
    through = -(occupied * logs).sum()
    return through + (loss - through).detach()


@torch.no_grad()
def greedy(net: Recogniser, frames: Tensor) -> list[int]:
    """The phones of the best column by column path of log energies `[T, bands]`."""
    best = net.scaled(net.logits(frames[None].to(net.mean.device)))[0].argmax(0)
    kept = torch.unique_consecutive(best)
    return [int(i) for i in kept if i]


def phone_errors(net: Recogniser, shelf: Shelf, count: int) -> float:
    """Phone error rate of the greedy path over the first utterances of a shelf."""
    wrong = total = 0
    for i in range(min(count, len(shelf))):
        frames = torch.from_numpy(shelf[i][: shelf.length(i) // 4 * 4].astype(np.float32))
        wrong += distance(greedy(net, frames), shelf.phones[i])
        total += len(shelf.phones[i])
    return wrong / total


def distance(made: list[int], wanted: list[int]) -> int:
    """Levenshtein's."""
    row = np.arange(len(wanted) + 1)
    goal = np.array(wanted)
    for i, phone in enumerate(made):
        best = np.minimum(row[1:] + 1, row[:-1] + (goal != phone))
        # Insertions run along the row: a running minimum of what remains after taking the slope off.
        slope = np.arange(1, len(best) + 1)
        fresh = np.minimum.accumulate(np.concatenate([[i + 1], best - slope]))
        row = np.concatenate([[i + 1], fresh[1:] + slope])
    return int(row[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="decoded sound and energies (default: OUT/cache)")
    parser.add_argument("--hours", type=float, required=True, help="wall clock, over all runs with this folder")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--spoken", type=int, default=9_000, help="sentences read by programs; 0 for none")
    parser.add_argument("--heard", type=Path, help="table by models.recipes.selftrain, to learn from as well")
    parser.add_argument("--polish", type=Path, help="weights to go on from, gently")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(told.threads)
    cache = told.cache or told.out / "cache"
    shelves = learned_shelves(told.packs, cache, spoken=told.spoken, heard=told.heard)
    held = held_shelves(told.packs, cache)
    net = Recogniser(oversampling=1, dropout=0.1)
    settle(net, shelves)
    if told.polish:
        net.load_state_dict({name: tensor.float() for name, tensor in load_file(told.polish).items()})
    net.to(told.device)

    def check(net: nn.Module) -> str:
        assert isinstance(net, Recogniser)
        net.eval()
        half = {name: tensor.half().cpu().contiguous() for name, tensor in net.state_dict().items()}
        save_file(half, told.out / "stt.safetensors")
        return " ".join(f"{shelf.name} {phone_errors(net, shelf, 60):.3f}" for shelf in held)

    noise = noise_shelf(told.packs, cache)
    plan = Plan(told.hours, rate=told.rate, check_every_s=400, rate_hz=100)
    judge, weights = Losses(Disturber(noise)), WEIGHTS
    if told.polish:
        plan = replace(plan, warm_steps=60, keep=0.99)
        judge, weights = Losses(Disturber(noise, noisy=0.15, strips=0), views=1), POLISH_WEIGHTS
    training = Training(net, judge, plan, told.out, check)
    training.run(supply(shelves, seed=training.seed, weights=weights))


def settle(net: Recogniser, shelves: dict[str, list[Shelf]]) -> None:
    """Mean and spread of the energies."""
    some = np.concatenate([variants[0].frames[:90_000] for variants in shelves.values()]).astype(np.float32)
    net.mean.copy_(torch.from_numpy(some.mean(0)))
    net.spread.copy_(torch.from_numpy(some.std(0)))


if __name__ == "__main__":
    main()

"""How the acoustic model is trained: `python -m models.recipes.tts PACKS --out DIR --hours H [--device cuda]`.

Kathleen's clean recordings, aligned by PocketSphinx; L1 on spectra and on their slopes, then a critic beside it. A run
that is broken off goes on from DIR. PACKS holds the packs; `ffmpeg` and the `train` extra must be installed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from models.recipes.critic import Critic, critic_losses, patches
from models.recipes.kathleen import open_kathleen
from models.recipes.phrases import Phrase, batch, open_alignments, phrase_of, supply
from models.recipes.training import Plan, Training
from models.tts.features import BANDS, PITCH_ROW, VOICED_ROW
from models.tts.network import Acoustic, Prosody

__all__ = ["Losses", "Studio", "main", "open_phrases", "settle"]

CRITIC_FROM, CRITIC_FULL = 1_500, 2_500  # steps
WEIGHT = {"slope": 0.5, "pitch": 1.0, "voiced": 0.2, "length": 0.3, "point": 0.2, "energy": 0.1}
WEIGHT |= {"critic": 1.0, "fool": 0.1, "match": 0.5}
UNVOICED = 0.1  # what pitch counts where the voice does not sound


class Studio(nn.Module):
    """The network that ships and the critic that does not, so that one run keeps both."""

    def __init__(self) -> None:
        super().__init__()
        self.acoustic = Acoustic()
        self.critic = Critic()


class Losses:
    """Losses of a batch by `models/recipes/phrases.py`; counts steps to know when the critic joins."""

    def __init__(self, steps: int = 0) -> None:
        self.steps = steps

    def __call__(self, net: nn.Module, features: Tensor, *said: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Studio)
        acoustic = net.acoustic
        device = acoustic.bands_mean.device
        features, tokens, lengths, pitch, sounding, energy = (x.to(device) for x in (features, *said))
        known = (lengths >= 0).float()
        frames = lengths.clamp(min=0)
        there = (torch.arange(features.shape[1], device=device) < frames.sum(1, keepdim=True)).float()
        truth = prosody_of(acoustic, lengths, pitch, energy)
        with torch.autocast(device.type, torch.bfloat16):
            encoded = acoustic.encode(tokens, known[..., None])
            guess = acoustic.prosody(encoded, known[..., None])
            made = acoustic.decode(encoded, truth, frames, there[..., None])
        losses = prosody_losses(guess, truth, sounding, known) | frame_losses(acoustic, made, features, there)
        self.steps += 1
        share = min(1.0, (self.steps - CRITIC_FROM) / (CRITIC_FULL - CRITIC_FROM))
        if share > 0:
            losses |= self._criticised(net, made, features, there, share)
        return {name: loss * WEIGHT.get(name, 1.0) for name, loss in losses.items()}

    def _criticised(
        self, net: Studio, made: Tensor, features: Tensor, there: Tensor, share: float
    ) -> dict[str, Tensor]:
        ours, real = (standard(net.acoustic, x[..., :BANDS]) for x in (made, features))
        ours, real = patches(ours, real, there.sum(1).long())
        if not len(ours):
            return {}
        with torch.autocast(ours.device.type, torch.bfloat16):
            own, fool, match = critic_losses(net.critic, ours, real)
        return {"critic": own, "fool": fool * share, "match": match * share}


def standard(acoustic: Acoustic, bands: Tensor) -> Tensor:
    """Each band in its standard deviations."""
    return (bands - acoustic.bands_mean) / acoustic.bands_spread


def prosody_of(acoustic: Acoustic, lengths: Tensor, pitch: Tensor, energy: Tensor) -> Prosody:
    """What a recording shows, in the network's units."""
    steady = (pitch - acoustic.pitch_scale[0]) / acoustic.pitch_scale[1]
    loud = (energy - acoustic.bands_mean.mean()) / acoustic.bands_spread.mean()
    return Prosody(torch.log1p(lengths.clamp(min=0).float()), steady.clamp(-3, 3), loud)


def prosody_losses(guess: Prosody, truth: Prosody, sounding: Tensor, known: Tensor) -> dict[str, Tensor]:
    """Over the rows `known` `[B, N]`; pitch by how much of its half is voiced."""
    count = known.sum()
    weight = known[..., None] * (UNVOICED + sounding)
    return {
        "length": ((guess.length.float() - truth.length).abs() * known).sum() / count,
        "point": ((guess.pitch.float() - truth.pitch).abs() * weight).sum() / weight.sum(),
        "energy": ((guess.energy.float() - truth.energy).abs() * known).sum() / count,
    }


def frame_losses(acoustic: Acoustic, made: Tensor, real: Tensor, there: Tensor) -> dict[str, Tensor]:
    """Features `[B, T, 82]` over the frames `there` `[B, T]`."""
    count = there.sum()
    ours, theirs = (standard(acoustic, x[..., :BANDS]) for x in (made, real))
    error = (ours - theirs) * there[..., None]
    slopes = error.diff(dim=1).abs().sum() + error.diff(dim=2).abs().sum()
    sounding = real[..., VOICED_ROW]
    weight = there * (UNVOICED + sounding)
    octaves = (made[..., PITCH_ROW] - real[..., PITCH_ROW]).abs() / acoustic.pitch_scale[1]
    voiced = F.binary_cross_entropy_with_logits(made[..., VOICED_ROW], sounding, weight=there, reduction="sum")
    return {
        "bands": error.abs().sum() / (count * BANDS),
        "slope": slopes / (2 * count * BANDS),
        "pitch": (octaves.clamp(max=1) * weight).sum() / weight.sum(),
        "voiced": voiced / count,
    }


def open_phrases(packs: Path, cache: Path) -> tuple[list[Phrase], list[Phrase]]:
    """What is learned from, and what is held back."""
    kathleen = open_kathleen(packs, cache)
    aligned = open_alignments(kathleen, packs, cache)
    learned, held = (
        [phrase_of(pieces, kathleen.features[kathleen.frames(i)]) for i in chosen if (pieces := aligned[i])]
        for chosen in (kathleen.learned, kathleen.held)
    )
    return learned, held


def settle(acoustic: Acoustic, phrases: list[Phrase]) -> None:
    """Mean and spread of bands and pitch."""
    rows = np.concatenate([phrase.features for phrase in phrases])
    pitch = rows[rows[:, VOICED_ROW] > 0.5, PITCH_ROW]
    low, middle, high = np.quantile(pitch, [0.16, 0.5, 0.84])
    acoustic.pitch_scale.copy_(torch.tensor([middle, (high - low) / 2]))
    acoustic.bands_mean.copy_(torch.from_numpy(rows[:, :BANDS].mean(0)))
    acoustic.bands_spread.copy_(torch.from_numpy(rows[:, :BANDS].std(0)))


@torch.no_grad()
def held_losses(net: Studio, phrases: list[Phrase]) -> str:
    """The losses over whole sentences, without the critic."""
    net.eval()
    rows = [
        Losses(-CRITIC_FULL)(net, *batch([p.cut(0, len(p.tokens)) for p in phrases[k : k + 16]]))
        for k in range(0, 96, 16)
    ]
    return " ".join(f"{name} {np.mean([float(row[name]) for row in rows]):.4f}" for name in rows[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="decoded sound, features and alignments (default: OUT/cache)")
    parser.add_argument("--hours", type=float, required=True, help="wall clock, over all runs with this folder")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(told.threads)
    learned, held = open_phrases(told.packs, told.cache or told.out / "cache")
    net = Studio()
    settle(net.acoustic, learned)
    net.to(told.device)

    def check(net: nn.Module) -> str:
        assert isinstance(net, Studio)
        half = {name: tensor.half().cpu().contiguous() for name, tensor in net.acoustic.state_dict().items()}
        save_file(half, told.out / "tts.safetensors")
        return held_losses(net, held)

    plan = Plan(told.hours, rate=told.rate, check_every_s=240, rate_hz=100)
    losses = Losses()
    training = Training(net, losses, plan, told.out, check)
    losses.steps = training.step
    training.run(supply(learned, seed=training.seed))


if __name__ == "__main__":
    main()

"""How the vocoder is trained: `python -m models.recipes.vocoder PACKS --out DIR --hours H [--start WEIGHTS]`.

Kathleen's recordings from their own features, which are disturbed as an acoustic model's would be. Run again with the
same folder, it goes on where it stopped; the shipped form is `DIR/vocoder.safetensors`. A second stage in a folder of
its own, `--adversarial --start FIRST/vocoder.safetensors`, learns from discriminators as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.recipes.adversary import Adversary
from models.recipes.kathleen import Kathleen, open_kathleen
from models.recipes.training import Judge, Plan, Training
from models.recipes.vocoder_losses import SpectralLoss
from models.tts.features import BANDS, FRAMES_A_SECOND, HOP, LOG_FLOOR, PITCH_ROW, VOICE_HZ, VOICED_ROW, mel
from models.vocoder import NOISE_SAMPLES, Vocoder

__all__ = ["Supply", "disturbed", "main"]

BEFORE, AFTER = 30, 4  # frames around a piece that are heard but not judged
EDGE = 3  # frames at the ends of resampled sound that are not trusted
LOWEST, HIGHEST = 0.85, 1.7  # as times her pitch


@dataclass
class Supply:
    """Endless batches: sound `[B, T]` and the features `[B, BEFORE + T / 240 + AFTER, 82]` it is to be made from."""

    voice: Kathleen
    batch: int
    frames: int
    seed: int

    def __iter__(self) -> Iterator[list[Tensor]]:
        rng = np.random.default_rng(self.seed)
        whole = BEFORE + self.frames + AFTER
        usable = [i for i in self.voice.learned if len(self.voice.clips[i]) >= (whole + 2 * EDGE) * HOP]
        weights = np.array([len(self.voice.clips[i]) for i in usable], np.float64)
        while True:
            chosen = rng.choice(usable, self.batch, p=weights / weights.sum())
            pairs = [self._piece(int(i), whole, rng) for i in chosen]
            yield [torch.stack(parts) for parts in zip(*pairs, strict=True)]

    def _piece(self, i: int, whole: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        frames, pcm = self.voice.frames(i), self.voice.clips[i]
        most = (frames.stop - frames.start) / (whole + 2 * EDGE)
        higher = float(np.exp(rng.uniform(np.log(LOWEST), np.log(min(HIGHEST, most))))) if rng.random() < 0.4 else 1.0
        taken = int((whole + 2 * EDGE) * higher) if higher != 1 else whole
        at = int(rng.integers(frames.stop - frames.start - taken + 1))
        sound = torch.from_numpy(pcm[at * HOP : (at + taken) * HOP].astype(np.float32)) / 32768
        features = torch.from_numpy(np.array(self.voice.features[frames][at : at + taken]))
        if higher != 1:
            sound, features = shifted(sound, features, higher, whole)
        gain = float(10 ** (rng.uniform(-8, 8) / 20))
        features[:, :BANDS] = (features[:, :BANDS] + np.log(gain)).clamp(min=np.log(LOG_FLOOR))
        return gain * sound[BEFORE * HOP : -AFTER * HOP], disturbed(features, rng)


def shifted(sound: Tensor, features: Tensor, higher: float, whole: int) -> tuple[Tensor, Tensor]:
    """Another voice that speaks faster, `higher` times as high: the middle `whole` frames of both."""
    frames = int(len(features) / higher)
    made = torch.from_numpy(scipy.signal.resample(sound.numpy(), round(len(sound) / higher))).float()
    made = F.pad(made, (0, max(0, frames * HOP - len(made))))[: frames * HOP]
    places = (np.arange(frames) + 0.5) * higher - 0.5
    rows = [np.interp(places, np.arange(len(features)), features[:, row]) for row in (PITCH_ROW, VOICED_ROW)]
    pitch, voiced = rows[0] + np.log2(higher), np.round(rows[1])
    table = torch.cat([mel(made[None])[0], torch.from_numpy(np.stack([pitch, voiced])).float()]).T
    start = (frames - whole) // 2
    return made[start * HOP : (start + whole) * HOP], table[start : start + whole].contiguous()


def disturbed(features: Tensor, rng: np.random.Generator) -> Tensor:
    """Features `[N, 82]` as a model might have predicted them: blurred, a little wrong, now and then not at all so."""
    made = features.clone()
    if rng.random() < 0.35:
        made[:, :BANDS] = made[:, :BANDS].lerp(blurred(made[:, :BANDS], 3, 3), float(rng.uniform(0, 1)))
    if rng.random() < 0.25:  # as where pitch was changed afterwards: the bands show other harmonics, or none
        smooth = blurred(made[:, :BANDS], 1, 7)
        ripple = (made[:, :BANDS] - smooth).numpy()
        places = np.arange(BANDS) / rng.uniform(0.6, 1.7)
        moved = np.stack([np.interp(places, np.arange(BANDS), row, right=0) for row in ripple])
        made[:, :BANDS] = smooth + torch.from_numpy(moved * rng.uniform(0, 1)).float()
    if rng.random() < 0.5:
        noise = rng.standard_normal((len(made), BANDS)) + 2 * rng.standard_normal(BANDS)
        made[:, :BANDS] += torch.from_numpy(noise * rng.uniform(0, 0.1)).float()
    if rng.random() < 0.5:
        off = rng.normal(0, 0.006) + rng.normal(0, 0.004, len(made))
        made[:, PITCH_ROW] += torch.from_numpy(np.asarray(off)).float()
    if rng.random() < 0.2:
        made[:, VOICED_ROW] = made[:, VOICED_ROW].roll(int(rng.choice([-1, 1])))
    return made


def blurred(bands: Tensor, frames: int, width: int) -> Tensor:
    """`[N, 80]` averaged over `frames` by `width` neighbours, both odd."""
    around = (frames // 2, width // 2)
    made: Tensor = F.avg_pool2d(bands[None], (frames, width), 1, around, count_include_pad=False)[0]
    return made


def speak(vocoder: Vocoder, features: Tensor) -> tuple[Tensor, Tensor]:
    """Two renderings `[B, T]` of the judged part of features `[B, N, 82]`; noise and first phase are drawn for each."""
    whole = features.transpose(1, 2).repeat(2, 1, 1)
    state = vocoder.initial_state(len(whole))
    state = state._replace(drawn=torch.randint_like(state.drawn, NOISE_SAMPLES), turns=torch.rand_like(state.turns))
    one, other = vocoder.sound(whole, state)[:, 0, BEFORE * HOP : -AFTER * HOP].chunk(2)
    return one, other


def spectral(device: torch.device) -> Judge:
    """The first stage's losses."""
    loss = SpectralLoss()

    def judge(net: nn.Module, sound: Tensor, features: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Vocoder)
        parts: dict[str, Tensor] = loss(speak(net, features.to(device)), sound.to(device))
        return parts

    return judge


def adversarial(adversary: Adversary) -> Judge:
    """The second stage's losses: the first's, and what the critics find."""
    loss = SpectralLoss()

    def judge(net: nn.Module, sound: Tensor, features: Tensor) -> dict[str, Tensor]:
        assert isinstance(net, Vocoder)
        made, wanted = speak(net, features.to(adversary.device)), sound.to(adversary.device)
        parts: dict[str, Tensor] = loss(made, wanted)
        return parts | adversary.losses(made[0], wanted)

    return judge


def export(vocoder: Vocoder, path: Path) -> None:
    """The shipped form, in half precision."""
    save_file({name: tensor.half().cpu().contiguous() for name, tensor in vocoder.net.state_dict().items()}, path)


@torch.no_grad()
def held_losses(vocoder: Vocoder, voice: Kathleen, *, count: int) -> dict[str, float]:
    """Mean losses over `count` held-back clips, less the first 0.3 s."""
    loss, rows, device = SpectralLoss(), [], vocoder.window.device
    for i in voice.held[:: len(voice.held) // count][:count]:
        features = torch.from_numpy(np.array(voice.features[voice.frames(i)]))[None].to(device)
        wanted = torch.from_numpy(voice.clips[i].astype(np.float32) / 32768)[None].to(device)
        parts = loss(speak(vocoder, features), wanted[:, BEFORE * HOP : -AFTER * HOP])
        rows.append({name: float(part) for name, part in parts.items()})
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, required=True, help="wall clock, over all runs with this folder")
    parser.add_argument("--cache", type=Path, help="of recordings and features; otherwise in --out")
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--adversarial", action="store_true", help="learn from critics as well")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    told = parser.parse_args()
    torch.manual_seed(7)
    torch.set_num_threads(1)
    voice = open_kathleen(told.packs, told.cache or told.out / "cache")
    vocoder = Vocoder()
    if told.start:
        vocoder.net.load_state_dict({name: x.float() for name, x in load_file(told.start).items()})

    adversary = Adversary(told.out / "critics.pt", told.device) if told.adversarial else None

    def check(net: nn.Module) -> str:
        assert isinstance(net, Vocoder)
        export(net, told.out / "vocoder.safetensors")
        if adversary:
            adversary.save()
        return str(held_losses(net, voice, count=20))

    plan = Plan(told.hours, told.batch, rate=told.rate, check_every_s=240, rate_hz=VOICE_HZ)
    judge = adversarial(adversary) if adversary else spectral(told.device)
    training = Training(vocoder.to(told.device), judge, plan, told.out, check)
    supply = Supply(voice, plan.batch, int(1.2 * FRAMES_A_SECOND), training.seed)
    training.run(iter(supply))


if __name__ == "__main__":
    main()

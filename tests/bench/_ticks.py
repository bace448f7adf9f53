"""The captured tick of each model against its slots, for `limelight bench gpu`: with its copies from and to the host.

No figures for a model that is off the float32 truth of a CPU. Without a GPU the same at three slots, uncaptured.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.dynamics import Leveler, Limiter
from models.enhance import load_enhancer
from models.enhance_fused import FusedEnhancer
from models.streaming import StreamingModule, Tree, tree_leaves, tree_map
from models.stt.network import Recogniser
from models.stt.ringed import RingedRecogniser
from models.tts.features import BANDS, FEATURES
from models.vad import load_vad
from models.vocoder import Vocoder, load_vocoder
from streamer.ticks.captured import MaskedStepper, captured, uncaptured

__all__ = ["Rows", "Run", "engine"]

SOUND_HZ = 48_000
COUNTS = (1, 16, 256, 1024, 4096, 8192, 12_288, 16_384, 20_480, 24_576, 32_768, 40_960, 49_152, 65_536)
SPARSE = (1, 64, 1024, 2048, 4096, 16_384, 65_536)
TINY = (1, 2, 3)
Rows = list[dict[str, str | float]]


@dataclass(frozen=True, slots=True)
class Run:
    """Where and how large; `until` is when the whole must be over, by `time.monotonic`."""

    device: torch.device
    tiny: bool
    until: float
    packs: Path | None = None

    @property
    def left_s(self) -> float:
        return self.until - time.monotonic()


def engine(run: Run) -> Rows:
    """The captured tick of each model against its slots; the last row of each is the most that keep their hop."""
    rows: Rows = []
    for model in _models():
        try:
            rows += _model(model, run)
        except Exception as error:
            traceback.print_exc()
            rows.append(_row(model.name, f"failed: {type(error).__name__}"))
        if run.device.type == "cuda":
            torch.cuda.empty_cache()
    return rows


@dataclass(frozen=True, slots=True)
class Model:
    """One to measure, and the share of the time that is left that it may take.

    `beside`: the value of the setting that goes with its sound, if it takes one; `off`: how far from the float32 truth
    it may be, as a share of the largest value; `finely`: at twice as many counts.
    """

    name: str
    make: Callable[[], StreamingModule]
    share: float
    hop_ms: float = 10.0
    beside: float | None = None
    off: float = 0.01
    finely: bool = False
    compiled: bool = False

    def signal(self, module: StreamingModule, hops: int) -> Tree:
        """Two rows of what it hears."""
        if isinstance(module, Vocoder):
            return _features(hops * module.hop)
        sound = _buzz(hops * module.hop)
        return sound if self.beside is None else (sound, torch.full((2, 1, hops), self.beside))


def _models() -> list[Model]:
    half = torch.bfloat16
    return [
        Model("enhance, fused", lambda: FusedEnhancer(load_enhancer()), 0.2, finely=True),
        Model("enhance, bfloat16", lambda: FusedEnhancer(load_enhancer(), products=half), 0.2, off=0.05, finely=True),
        Model("captions, rings", lambda: RingedRecogniser(_recogniser()), 0.2, 160.0),
        Model("captions, bfloat16", lambda: RingedRecogniser(_recogniser(), products=half), 0.2, 160.0, off=0.1),
        Model("voice", load_vocoder, 0.2, 20.0),
        Model("voice activity", load_vad, 0.2),
        Model("level", Leveler, 0.2, beside=-18.0),
        Model("limiter", Limiter, 0.2, beside=-1.0),
        Model("enhance, plain", load_enhancer, 0.3),
        Model("captions, plain", _recogniser, 0.4, 160.0),
        Model("enhance, fused, compiled", lambda: FusedEnhancer(load_enhancer()), 0.9, compiled=True),
    ]


def _recogniser() -> Recogniser:
    torch.manual_seed(0)
    return Recogniser().eval()  # untrained weights cost the same


def _compile(module: StreamingModule) -> None:
    """What is left around the kernels, through `torch.compile`."""
    assert isinstance(module, FusedEnhancer)
    for part in (module.enhancer.net.encoder, module.enhancer.net.decoder):
        part.forward = torch.compile(part.forward, dynamic=True)


def _model(model: Model, run: Run) -> Rows:
    name, module = model.name, model.make().to(run.device).requires_grad_(False)
    until, rows, most = time.monotonic() + model.share * run.left_s, list[dict[str, str | float]](), 0
    if not (apart := _off_the_cpu(module, model, run)) <= model.off:
        raise ArithmeticError(f"no figures: {name} is off the CPU's float32 by {apart:.2g}")
    if model.compiled and not run.tiny:
        _compile(module)
    example = tree_map(lambda leaf: leaf[:1] * 0, _hops(model.signal(module, 1), 1)[0])
    for count in TINY if run.tiny else COUNTS if model.finely else SPARSE:
        if time.monotonic() > until:
            rows.append(_row(name, f"{count}: no time left"))
            break
        try:
            row = _at(module, example, count, run)
        except torch.OutOfMemoryError:
            rows.append(_row(name, f"{count}: no memory left"))
            break
        rows.append({"model": name, "slots": str(count), **row})
        print(f"  {name}, {count} slots: {row['tick p99']:.3f} ms", flush=True)
        if row["tick p99"] > 4 * model.hop_ms:
            break
        most = count if row["tick p99"] < model.hop_ms else most
    said = (f"most within {model.hop_ms:g} ms: {most}", f"off the CPU's float32: {apart:.2g}")
    return [*rows, *(_row(name, each) for each in said)]


def _row(model: str, said: str) -> dict[str, str | float]:
    return {"model": model, "slots": said} | dict.fromkeys(("graph p50", "graph p99", "tick p50", "tick p99"), "")


def _at(module: StreamingModule, example: Tree, count: int, run: Run) -> dict[str, float]:
    """Milliseconds of the recorded work alone, and of a tick with its copies from and to the host."""
    state = tree_map(lambda leaf: leaf.to(run.device), module.initial_state(count))
    record = uncaptured if run.tiny else captured
    stepper = MaskedStepper(module, state, example=example, record=record, counts=[count])
    chunk = tree_map(lambda leaf: 0.1 * torch.randn(count, *leaf.shape[1:]), example)
    stepper(range(count), chunk)  # stages sound for all that follows
    graph, tick = (_times_ms(work, run) for work in (lambda: _waited(stepper, count), lambda: stepper.tick(count)))
    return {"graph p50": graph[0], "graph p99": graph[1], "tick p50": tick[0], "tick p99": tick[1]}


def _waited(stepper: MaskedStepper, count: int) -> None:
    stepper.replay(count)
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()


def _times_ms(work: Callable[[], None], run: Run) -> tuple[float, float]:
    """Median and 99th percentile of up to 300 runs, or of as many as 1.5 s hold."""
    took, until = list[float](), time.monotonic() + (0.05 if run.tiny else 1.5)
    work()
    while len(took) < 300 and (time.monotonic() < until or len(took) < 3):
        begin = time.perf_counter()
        work()
        took.append(1e3 * (time.perf_counter() - begin))
    p50, p99 = np.quantile(took, [0.5, 0.99])
    return float(p50), float(p99)


def _off_the_cpu(module: StreamingModule, model: Model, run: Run) -> float:
    """The largest difference of twenty steps here from the offline truth on a CPU, as a share of its largest value."""
    x = model.signal(module, hops := 4 if run.tiny else 20)
    state: Tree = tree_map(lambda leaf: leaf.to(run.device), module.initial_state(2))
    active, made = torch.ones(2, dtype=torch.bool, device=run.device), []
    for chunk in _hops(x, hops):
        out = module.advance(state, tree_map(lambda leaf: leaf.to(run.device), chunk), active)
        made.append(tree_leaves(out)[0])
    stream = torch.cat(made, -1)[..., module.delay :].cpu()
    truth = tree_leaves(module.cpu()(x))[0][..., : stream.shape[-1]]
    module.to(run.device)
    return float((stream - truth).abs().max() / truth.abs().max())


def _hops(signal: Tree, hops: int) -> list[Tree]:
    return [tree_map(lambda leaf, n=n: leaf.chunk(hops, -1)[n].contiguous(), signal) for n in range(hops)]


def _buzz(steps: int) -> torch.Tensor:
    """A voiced sound in a little noise, at two levels, `[2, 1, T]`: the models pass most of it on."""
    t, draw = torch.arange(steps) / SOUND_HZ, torch.Generator().manual_seed(0)
    tones = sum(torch.sin(2 * torch.pi * 140 * k * t) / k for k in range(1, 25))
    assert isinstance(tones, torch.Tensor)
    return torch.stack([0.1 * tones, 0.02 * tones])[:, None] + 0.001 * torch.randn(2, 1, steps, generator=draw)


def _features(frames: int) -> torch.Tensor:
    """What the vocoder hears: a smooth spectrum at about 200 Hz, voiced, `[2, 82, N]`."""
    x = torch.randn(2, FEATURES, frames, generator=torch.Generator().manual_seed(0))
    x[:, :BANDS] = x[:, :BANDS] - 6
    x[:, BANDS], x[:, BANDS + 1] = 0.1 * x[:, BANDS], 1.0
    return x

"""When the voice is first heard, and what it costs, beside two other programs on the same sentences."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from models.recipes.kathleen import Kathleen
from models.tts.features import VOICE_HZ
from models.tts.types import Clause, Controls
from tests.bench._speaker import Speaker, clauses

__all__ = ["speed"]

WAVE_HEADER = 44
Spent = dict[str, float]


def speed(speaker: Speaker, kathleen: Kathleen, *, count: int) -> list[dict[str, str | float]]:
    """One row for each program, over held-back sentences one by one."""
    texts = sorted({kathleen.texts[i] for i in kathleen.held})[: min(count, 40)]
    for text in texts[:3]:
        spoken(speaker, text)  # what the first calls load is not counted
    rows = [ours(speaker, texts)]
    for name, command in others().items():
        if shutil.which(name):
            rows.append(theirs(name, command, texts))
    return rows


def ours(speaker: Speaker, texts: list[str]) -> dict[str, str | float]:
    parts = [spoken(speaker, text) for text in texts]
    total = {name: sum(part[name] for part in parts) for name in parts[0]}
    computing = total["reading"] + total["acoustic"] + total["vocoder"]
    firsts = 1000 * np.array([part["first"] for part in parts])
    shares = " / ".join(f"{100 * total[name] / computing:.0f}" for name in ("reading", "acoustic", "vocoder"))
    return _row("Limelight, one thread, not compiled", firsts, computing / total["media"], shares)


def _row(name: str, firsts: np.ndarray, rtf: float, shares: str) -> dict[str, str | float]:
    return {
        "": name,
        "first sound ms": float(np.median(firsts)),
        "95 % ms": float(np.quantile(firsts, 0.95)),
        "RTF": rtf,
        "reading / acoustic / vocoder %": shares,
    }


@torch.inference_mode()
def spoken(speaker: Speaker, text: str) -> Spent:
    """Seconds spent in each part, as a session works: clause by clause, 20 ms of sound a step."""
    spent = {"reading": 0.0, "acoustic": 0.0, "vocoder": 0.0, "first": 0.0, "media": 0.0}
    with _timed(spent, "reading"):
        read = clauses(text)
    state = speaker.vocoder.initial_state(1)
    late = -(-speaker.vocoder.delay // (speaker.vocoder.hop * 240))  # steps until the first sound is out
    for clause in read:
        with _timed(spent, "acoustic"):
            features = _features(speaker, clause)
        for step, chunk in enumerate(features.split(speaker.vocoder.hop, -1)):
            with _timed(spent, "vocoder"):
                state, sound = speaker.vocoder.step(state, chunk)
            spent["media"] += sound.shape[-1] / VOICE_HZ
            if not spent["first"] and step == late:
                spent["first"] = spent["reading"] + spent["acoustic"] + spent["vocoder"]
    return spent


def _features(speaker: Speaker, clause: Clause) -> torch.Tensor:
    made = speaker.voice.speak(clause, Controls()).features
    return torch.from_numpy(np.pad(made, ((0, 0), (0, made.shape[1] % 2)), mode="edge"))[None]


@contextmanager
def _timed(spent: Spent, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] += time.perf_counter() - began


def others() -> dict[str, Callable[[str, Path], list[str]]]:
    return {
        "flite": lambda text, out: ["flite", "-voice", "slt", "-t", text, "-o", str(out)],
        "espeak-ng": lambda text, out: ["espeak-ng", "-w", str(out), "--", text],
    }


def theirs(name: str, command: Callable[[str, Path], list[str]], texts: list[str]) -> dict[str, str | float]:
    """A process each; first sound is when the whole file is there, since they write no sooner."""
    firsts, media = [], 0.0
    with TemporaryDirectory() as folder:
        out = Path(folder) / "said.wav"
        for text in texts:
            began = time.perf_counter()
            subprocess.run(command(text, out), check=True, timeout=60, stdout=subprocess.DEVNULL)
            firsts.append(time.perf_counter() - began)
            rate = int.from_bytes(out.read_bytes()[24:28], "little")
            media += (out.stat().st_size - WAVE_HEADER) / 2 / rate
    return _row(f"{name}, whole process and file", 1000 * np.array(firsts), sum(firsts) / media, "")

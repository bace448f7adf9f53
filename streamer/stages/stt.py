"""The recognisers that captions can be made with, by name; what is shared of one, and the voice detector beside it.

A further recogniser is one file that fits `recognise.py`, and a line here. Knows no session and no door.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from models.vad import load_vad
from streamer.device import Device
from streamer.engine import Engine
from streamer.frame import HOP
from streamer.stages.captions import CaptionRules
from streamer.stages.recognise import Recogniser
from streamer.stages.scribe import Scribe, scribe_of

__all__ = ["HotWords", "Stt", "load_stt", "scribe_alone"]

HotWords = Callable[[], Sequence[str]]
"""Words that are likely to be said, asked for at the beginning of every segment."""


@dataclass(frozen=True, slots=True)
class Stt:
    """A loaded recogniser: its engine; `recogniser` leases a slot for one stream and raises EngineFull."""

    engine: Engine
    recogniser: Callable[[HotWords], Recogniser]
    close: Callable[[], None]


def load_stt(name: str, *, cache: Path, slots: int, share: float = 0.8) -> Stt:
    """The recogniser of that name, "limelight" or "emformer"; what it fetches is in `cache`.

    `share`: of one thread's time that all their searches together may take of what their sound lasts.
    """
    return _emformer(cache, slots, share) if name == "emformer" else _limelight(slots, share)


def _emformer(cache: Path, slots: int, share: float) -> Stt:
    from streamer.stages.emformer_stt import EmformerSpeech

    speech = EmformerSpeech.load(cache / "emformer", slots=slots, share=share)
    return Stt(speech.engine, speech.recogniser, speech.close)


def _limelight(slots: int, share: float) -> Stt:
    from streamer.stages.limelight_stt import LimelightSpeech

    speech = LimelightSpeech.load(slots=slots, share=share)
    return Stt(speech.engine, speech.recogniser, speech.close)


@contextmanager
def scribe_alone(name: str, *, cache: Path, patience_s: float) -> Iterator[Scribe]:
    """A scribe for one recording, with engines of its own; nobody waits, so that its searches take what they need."""
    with ExitStack() as stack:
        stt = load_stt(name, cache=cache, slots=1, share=math.inf)
        stack.callback(stt.close)
        device = Device()
        stack.callback(device.close)
        vad = Engine("vad", load_vad(), slots=1, example=torch.zeros(1, 1, HOP), device=device)
        stack.callback(vad.close)
        vad.patience_s = stt.engine.patience_s = patience_s
        scribe = scribe_of(vad, stt.recogniser(tuple), rules=CaptionRules(patience_s=patience_s))
        stack.callback(scribe.close)
        yield scribe

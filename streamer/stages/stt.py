"""The recognisers that captions can be made with, by name; what is shared of one, and the voice detector beside it.

A further recogniser is one file that fits `searched.py` (or `recognise.py`), and a line here. Knows no session or door.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from models.vad import load_vad
from streamer.engine import Engine
from streamer.frame import HOP
from streamer.stages.scribe import Scribe, scribe_of
from streamer.stages.searched import Stt
from streamer.stages.segment import CaptionRules
from streamer.ticks.device import Device

__all__ = ["load_stt", "scribe_alone"]


def load_stt(name: str, *, cache: Path, slots: int, share: float = 0.8, place: str = "cpu") -> Stt:
    """The recogniser of that name, "limelight" or "emformer"; what was fetched for it is in `cache`.

    `share`: of one thread's time that all their searches together may take of what their sound lasts; `place`: where
    the network runs, as `Device` takes it.
    """
    if name == "emformer":
        from streamer.stages.emformer_stt import load_emformer  # each is heavy: only the one that is wanted

        return load_emformer(cache / "emformer", slots=slots, share=share, place=place)
    from streamer.stages.limelight_stt import load_limelight

    return load_limelight(slots=slots, share=share, place=place)


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

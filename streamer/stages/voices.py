"""The voices that text can be spoken with, by name. A further one is one file that fits `voice.py`, and a line here."""

from __future__ import annotations

import logging

from streamer.frame import FormatError
from streamer.stages.voice import Voice
from streamer.ticks.device import Device

__all__ = ["find_voice", "load_voice"]

log = logging.getLogger(__name__)


def find_voice(name: str, *, slots: int, device: Device) -> Voice | None:
    """As `load_voice`; None for "off", and where it cannot be had: then nothing can be said, and all else is there."""
    if name == "off":
        return None
    try:
        return load_voice(name, slots=slots, device=device)
    except FormatError as error:
        log.warning("no voice: %s", error)
        return None


def load_voice(name: str, *, slots: int, device: Device) -> Voice:
    """The voice of that name, "limelight" or "pocket", for `slots` streams at once.

    Raises:
        FormatError: it cannot be had; says what to do.
    """
    if name == "pocket":
        from streamer.stages.pocket_voice import load_pocket  # each is heavy: only the one that is wanted

        return load_pocket()
    from streamer.stages.limelight_voice import load_limelight_voice

    return load_limelight_voice(slots=slots, device=device)

"""When each phone of a recording is said, by PocketSphinx's forced alignment (its model ships in its wheel, BSD).

It places phones to 10 ms, which the recogniser of `models/stt`, trained by CTC, does not. What is not said as written
finds no path and is left out. Results are kept in a file, one line a recording, so that an interrupted run goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.recipes.packs import Pcm, decode
from models.recipes.transcripts import words_of

__all__ = ["Said", "aligned"]

FRAMES_A_SECOND = 100
AT_ONCE = 20  # recordings decoded together

Said = tuple[str, float, float]
"""A phone without stress ("" is a pause), its start and its end in seconds; they follow each other without gaps."""


class Aligner:
    """PocketSphinx, and which words it can spell."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        self._decoder = Decoder(lm=None, loglevel="FATAL", bestpath=False)

    def align(self, sound: Pcm, text: str) -> list[Said] | None:
        """The phones of 16 kHz sound; None where it is not what the text says, or a word is unknown."""
        words = words_of(text)
        if not words or any(self._decoder.lookup_word(word) is None for word in words):
            return None
        try:
            self._decoder.set_align_text(" ".join(words))
            self._pass(sound)
            self._decoder.set_alignment()
            self._pass(sound)
            return [_said(phone) for word in self._decoder.get_alignment() for phone in word]
        except RuntimeError:
            return None

    def _pass(self, sound: Pcm) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(sound.tobytes(), full_utt=True)
        self._decoder.end_utt()


def _said(phone: Any) -> Said:
    """An entry of PocketSphinx's alignment; its fillers (SIL, +NOISE+ …) are pauses."""
    start, end = phone.start / FRAMES_A_SECOND, (phone.start + phone.duration) / FRAMES_A_SECOND
    return phone.name if re.fullmatch("(?!SIL)[A-Z]+", phone.name) else "", start, end


def aligned(files: Sequence[Path], texts: Sequence[str], kept: Path) -> Iterator[tuple[Path, list[Said]]]:
    """The recordings that say their text, with their phones; `kept` is the file of results."""
    known = _read(kept)
    todo = [(file, text) for file, text in zip(files, texts, strict=True) if file.name not in known]
    aligner = Aligner() if todo else None
    for at in range(0, len(todo), AT_ONCE):
        part = todo[at : at + AT_ONCE]
        for (file, text), sound in zip(part, decode([file for file, _ in part], 16_000), strict=True):
            assert aligner is not None
            known[file.name] = aligner.align(sound, text)
            with kept.open("a") as log:
                log.write(json.dumps([file.name, known[file.name]]) + "\n")
    for file in files:
        if said := known[file.name]:
            yield file, said


def _read(kept: Path) -> dict[str, list[Said] | None]:
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        return {}
    rows = (json.loads(line) for line in kept.read_text().splitlines())
    return {name: None if said is None else [(p, s, e) for p, s, e in said] for name, said in rows}

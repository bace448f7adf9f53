"""Lines laid over a sound track: how fast each is said, where it lies, how the sound under it is lowered, the mix.

Knows no files; the voice is given to it. `dub.py` brings both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.tts.lexicon import Lexicon
from models.tts.reader import Reader
from models.tts.types import Clause, Controls
from streamer.commands.spoken import Times, narrated
from streamer.frame import HOP, SOUND_HZ, Sound
from streamer.progress import as_time
from streamer.stages.voice import Speaker
from streamer.text.cues import Cue

__all__ = ["FASTEST", "SLOWEST", "DubStage", "Placed", "SpokenLine", "laid", "spoken_in"]

SLOWEST, FASTEST = 0.9, 1.35  # beyond these speech does not sound natural
NEAR = 0.02  # of the speed: not worth saying again
TRIES = 3
LATE_S = 0.1  # behind the end of its slot: heard as late
LOWER, RAISE = round(0.15 * SOUND_HZ), round(0.35 * SOUND_HZ)  # samples that the background takes to go and come
JOIN = round(0.8 * SOUND_HZ)  # it stays low between lines that are nearer than this
FADE = round(0.03 * SOUND_HZ)
KNEE = 0.8  # of full scale: beyond it the sum bends towards 1
MOST_FRONT = 2  # channels that all get the voice; of more, only the centre
CENTRE = 2
NOISES = re.compile(r"\[[^\]]*\]|♪[^♪]*♪?|^\([^)]*\)$|^[A-Z][A-Z .'-]+:\s")  # what is heard, and who speaks

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Placed:
    """A spoken line: its first sample in the track, and its sound `[T]`, whole numbers since a film has hours."""

    begin: int
    samples: Pcm

    @property
    def end(self) -> int:
        return self.begin + len(self.samples)


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A cue as it was said: its sound `[T]`, at `speed` times the natural one, where `needed` would fit its slot."""

    number: int
    cue: Cue
    speed: float
    needed: float
    times: Times
    samples: Pcm

    @property
    def seconds(self) -> float:
        return len(self.samples) / SOUND_HZ

    @property
    def end_s(self) -> float:
        return self.cue.start_s + self.seconds

    @property
    def late_s(self) -> float:
        """By how much it ends after its slot, if that is heard."""
        late = self.seconds - (self.cue.end_s - self.cue.start_s)
        return late if late > LATE_S else 0.0

    @property
    def complaint(self) -> str:
        where = f"line {self.number} at {as_time(self.cue.start_s)}"
        return (
            f"{where} would need {self.needed:.2f} times the natural speed; it ends {self.late_s:.1f} s after its slot"
        )

    def as_json(self) -> dict[str, Any]:
        """Its times from the beginning of the film."""
        slot = {"begin_s": round(self.cue.start_s, 3), "end_s": round(self.cue.end_s, 3)}
        words = [
            {"text": word.text, "start_s": round(self.cue.start_s + word.start_s, 3)}
            | {"end_s": round(self.cue.start_s + word.end_s, 3)}
            for word in self.times.words
        ]
        fit = {"speed": round(self.speed, 3), "late_s": round(self.late_s, 3)}
        return {"number": self.number, "text": self.cue.text} | slot | fit | {"words": words}


async def spoken_in(
    cue: Cue, speaker: Speaker, *, lexicon: Lexicon, controls: Controls, number: int
) -> SpokenLine | None:
    """The cue, said as fast as fits its slot within natural limits; None if nothing of it can be said."""
    reader = Reader(lexicon)
    text = " ".join(NOISES.sub("", line.strip()) for line in cue.lines)
    clauses = [*reader.push(text), *reader.flush()]
    slot_s, speed = cue.end_s - cue.start_s, 1.0
    if not any(clause.words for clause in clauses):
        return None
    needed = 0.0
    for _ in range(TRIES):
        times, samples = await _said(speaker, clauses, replace(controls, speed=_bounded(controls.speed * speed)))
        fits = speed * len(samples) / SOUND_HZ / slot_s
        needed = needed or fits
        better = min(FASTEST, max(SLOWEST, fits))
        if abs(better - speed) < NEAR:
            break
        speed = better
    return SpokenLine(number, cue, speed, needed, times, samples)


def _bounded(speed: float) -> float:
    return min(2.0, max(0.5, speed))


async def _said(speaker: Speaker, clauses: Sequence[Clause], controls: Controls) -> tuple[Times, Pcm]:
    """The times, and the sound up to the end of the last phone."""
    times, parts = Times(), list[Sound]()
    async with aclosing(narrated(speaker, clauses, controls)) as pieces:
        async for piece in pieces:
            times.add(piece)
            parts.append(piece.samples)
    sound = np.concatenate(parts, axis=1)[0, : round(times.speech_s * SOUND_HZ)]
    return times, np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)


def laid(lines: Sequence[SpokenLine]) -> list[Placed]:
    """Where the lines lie; one that goes on when the next begins is faded out there."""
    placed = [Placed(round(line.cue.start_s * SOUND_HZ), line.samples) for line in lines]
    return [_cut(line, following.begin) for line, following in pairwise(placed)] + placed[-1:]


def _cut(line: Placed, following: int) -> Placed:
    if line.end <= following:
        return line
    samples = line.samples[: following - line.begin].copy()
    tail = samples[-FADE:]
    tail[:] = tail * np.linspace(1, 0, len(tail))
    return Placed(line.begin, samples)


class DubStage:
    """A `SoundStage`: the background times `gain`, or lowered to `under` while a line is spoken, with the lines added.

    `start`: the place of the stage's first sample on the lines' clock.
    """

    name, delay = "dub", 0

    def __init__(self, lines: Sequence[Placed], *, gain: float = 1.0, under: float, start: int = 0) -> None:
        self._lines, self._at, self._next = lines, start, 0
        self._start, self._gain = start, _ducking(lines, gain, under)

    async def process(self, samples: Sound) -> Sound:
        """One hop `[C, HOP]`; see `SoundStage`."""
        places = np.arange(self._at, self._at + HOP)
        mixed = samples * np.interp(places, *self._gain).astype(np.float32)
        voice = self._voice()
        self._at += HOP
        if voice is None:
            return mixed
        if len(mixed) > MOST_FRONT:
            mixed[CENTRE] += voice
        else:
            mixed += voice
        return _bent(mixed)

    def reset(self) -> None:
        self._at, self._next = self._start, 0

    def close(self) -> None:
        """It holds nothing."""

    def _voice(self) -> NDArray[np.float32] | None:
        """What is spoken in this hop, if anything."""
        begin, end = self._at, self._at + HOP
        while self._next < len(self._lines) and self._lines[self._next].end <= begin:
            self._next += 1
        voice = None
        for line in self._lines[self._next :]:
            if line.begin >= end:
                break
            voice = np.zeros(HOP, np.float32) if voice is None else voice
            part = line.samples[max(0, begin - line.begin) : end - line.begin]
            at = max(0, line.begin - begin)
            voice[at : at + len(part)] += part / np.float32(32768)
        return voice


def _ducking(lines: Sequence[Placed], gain: float, under: float) -> tuple[list[int], list[float]]:
    """Gain of the background as places and values between which it runs straight."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line.begin - spans[-1][1] < JOIN:
            spans[-1][1] = max(spans[-1][1], line.end)
        else:
            spans.append([line.begin, line.end])
    places = [at for begin, end in spans for at in (begin - LOWER, begin, end, end + RAISE)]
    return places or [0], [gain, under, under, gain] * len(spans) or [gain]


def _bent(samples: Sound) -> Sound:
    """Peaks beyond the knee, smoothly kept below 1."""
    over = np.abs(samples) - KNEE
    if not (over > 0).any():
        return samples
    room = 1 - KNEE
    bent = np.sign(samples) * (KNEE + room * np.tanh(np.maximum(over, 0) / room))
    return np.where(over > 0, bent, samples).astype(np.float32)

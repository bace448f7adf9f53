"""Which phone sounds when in a recording: PocketSphinx's forced alignment, a tool of training alone.

The dictionary that it chooses from has CMUdict's pronunciations with their stress, so the way a word was really said is
known too. Silences between words come out as pauses with the mark that is written there. Knows nothing of networks.
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.pronounce import pronounce

__all__ = ["Aligned", "Aligner", "Piece", "Ways", "marked", "open_ways"]

RATE = 16_000
VOWEL = re.compile(r"[AEIOU]")
SHORTEST_PAUSE = 5  # frames; a shorter silence without a mark belongs to the phone before it
MARKS = ",.?!:"
Ways = dict[str, list[tuple[str, ...]]]


class Piece(NamedTuple):
    """A phone, or a pause (`name == ""`) and the mark written there; `word` counts the sentence's words from 0."""

    name: str
    mark: str
    word: int
    frames: int


Aligned = list[Piece]


def marked(text: str) -> list[tuple[str, str]]:
    """The words in lower case, each with the mark after it (`""`, or one of `,.?!:`)."""
    found = []
    for said in re.finditer(r"([A-Za-z'’]+)([^A-Za-z]*)", text.replace("--", " , ")):
        word = said[1].replace("’", "'").lower().strip("'")
        marks = [c for c in said[2].replace(";", ":") if c in MARKS]
        if word:
            found.append((word, marks[0] if marks else ""))
    last, mark = found[-1]
    return [*found[:-1], (last, mark if mark in (".", "?", "!") else ".")]


def open_ways(cmudict: Path, texts: Iterable[str]) -> Ways:
    """Pronunciations with stress of every word of the texts; what the dictionary lacks is guessed by its letters."""
    known: Ways = defaultdict(list)
    for line in cmudict.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split("#")[0].split()
        known[word.split("(")[0]].append(tuple(phones))
    words = {word for text in texts for word, _ in marked(text)}
    return {word: _distinct(known.get(word) or [_guessed(word, known)]) for word in sorted(words)}


def _distinct(ways: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Ways that differ in stress alone sound alike to the aligner: the first stands for them."""
    return list({_bare(way): way for way in reversed(ways)}.values())[::-1]


def _bare(way: Iterable[str]) -> tuple[str, ...]:
    return tuple(phone.rstrip("012") for phone in way)


def _guessed(word: str, known: Ways) -> tuple[str, ...]:
    stem = word.removesuffix("'s")
    if stem != word and stem in known:
        return (*known[stem][0], *_possessive(known[stem][0][-1]))
    phones = pronounce(word)
    first = next((i for i, phone in enumerate(phones) if VOWEL.match(phone)), -1)
    return tuple(p + ("1" if i == first else "0") if VOWEL.match(p) else p for i, p in enumerate(phones))


def _possessive(last: str) -> tuple[str, ...]:
    if last in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return ("IH0", "Z")
    return ("S",) if last in ("P", "T", "K", "F", "TH") else ("Z",)


class Aligner:
    """PocketSphinx with a dictionary of `ways`; one recording at a time."""

    def __init__(self, ways: Ways) -> None:
        import pocketsphinx

        self.ways = ways
        with tempfile.NamedTemporaryFile("w", suffix=".dict") as file:
            file.write("".join(_entries(ways)))
            file.flush()
            self._decoder = pocketsphinx.Decoder(lm=None, dict=file.name, bestpath=False, loglevel="ERROR")

    def __call__(self, pcm: NDArray[np.int16], text: str, frames: int) -> Aligned | None:
        """The pieces of a recording at 16 kHz, in order, `frames` in all; nothing if it does not fit its text."""
        words = marked(text)
        try:
            self._decoder.set_align_text(" ".join(word for word, _ in words))
            self._decode(pcm)
            self._decoder.set_alignment()
            self._decode(pcm)
            heard = self._decoder.get_alignment()
        except RuntimeError:
            return None
        return self._pieces(heard, words, frames) if heard else None

    def _decode(self, pcm: NDArray[np.int16]) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm.tobytes(), full_utt=True)
        self._decoder.end_utt()

    def _pieces(self, heard: Iterable[Any], words: list[tuple[str, str]], frames: int) -> Aligned | None:
        pieces: Aligned = [Piece("", "", -1, 0)]
        at = -1
        for word in heard:
            name = word.name.split("(")[0]
            if name not in self.ways:
                pieces[-1:] = _paused(pieces[-1], word.duration)
                continue
            at += 1
            way = self._way(word.name)
            pieces += [Piece(p, "", at, phone.duration) for p, phone in zip(way, word, strict=True)]
            pieces += [Piece("", words[at][1], at, 0)] if words[at][1] else []
        if at != len(words) - 1:
            return None
        spare = frames - sum(piece.frames for piece in pieces)
        last = pieces[-1]
        fits = last.frames + spare >= 0
        return [*pieces[:-1], Piece(last.name, last.mark, last.word, last.frames + spare)] if fits else None

    def _way(self, name: str) -> tuple[str, ...]:
        word, _, number = name.rstrip(")").partition("(")
        return self.ways[word][int(number or 1) - 1]


def _paused(last: Piece, frames: int) -> Aligned:
    """A silence after `last`: its own pause lengthened, a new pause, or a longer phone."""
    if last.name and frames >= SHORTEST_PAUSE:
        return [last, Piece("", "", last.word, frames)]
    return [Piece(last.name, last.mark, last.word, last.frames + frames)]


def _entries(ways: Ways) -> Iterable[str]:
    for word, several in ways.items():
        for i, way in enumerate(several):
            yield f"{word}{f'({i + 1})' if i else ''} {' '.join(_bare(way))}\n"

"""Words that nobody shall hear: found in captions, made asterisks in the text and a tone in the sound (pure).

Bounded by the recogniser: a word that it mishears is neither found nor covered, one that it invents is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from streamer.frame import SOUND_HZ, AudioFrame
from streamer.stages.recognise import Caption, TimedWord

__all__ = ["Bleeper", "WordList", "masked"]

TONE_HZ = 1000
TONE_LEVEL = np.float32(0.1)  # -20 dBFS
PAD_S = 0.12
FADE = SOUND_HZ // 200  # 5 ms


class WordList:
    """Single words, or with `*` at the end all that begin so; case and marks around a word do not matter."""

    def __init__(self, entries: Iterable[str]) -> None:
        folded = [entry.casefold().replace("’", "'") for entry in entries]
        self._words = frozenset(entry for entry in folded if not entry.endswith("*"))
        self._starts = tuple(entry[:-1] for entry in folded if entry.endswith("*"))

    def __contains__(self, text: str) -> bool:
        """Whether any part of what is written as one word is on the list: also that of `damn-it`."""
        word = re.sub(r"^[^\w]+|[^\w]+$", "", text.casefold().replace("’", "'"))
        return any(self._listed(part) for part in (word, word.removesuffix("'s"), *re.split(r"[^\w']+", word)))

    def _listed(self, word: str) -> bool:
        return bool(word) and (word in self._words or word.startswith(self._starts))


def masked(caption: Caption, words: WordList) -> Caption:
    """With asterisks for the letters of the words on the list."""
    return replace(caption, committed=_masked(caption.committed, words), tail=_masked(caption.tail, words))


def _masked(said: Sequence[TimedWord], words: WordList) -> tuple[TimedWord, ...]:
    return tuple(replace(word, text=stars(word.text)) if word.text in words else word for word in said)


def stars(text: str) -> str:
    """`Damn!` -> `****!`."""
    return re.sub(r"\w", "*", text)


class Bleeper:
    """Stretches of time that are covered by a tone; one that was marked stays marked, as the tail may be right."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def mark(self, start_s: float, end_s: float) -> None:
        """Cover this, padded, in sound that has not gone out yet."""
        span = (round((start_s - PAD_S) * SOUND_HZ), round((end_s + PAD_S) * SOUND_HZ))
        if span not in self._spans:
            self._spans.append(span)

    def apply(self, hop: AudioFrame) -> AudioFrame:
        """The hop as it may be heard; what was marked before it is forgotten."""
        self._spans = [span for span in self._spans if span[1] + SOUND_HZ > hop.pts]
        spans = [span for span in self._spans if span[0] < hop.end and span[1] > hop.pts]
        if not spans:
            return hop
        at = np.arange(hop.pts, hop.end)
        covers = [np.minimum(at - first + 1, last - at) / FADE for first, last in spans]
        # Fades lie outside of the padded word, which is covered whole.
        cover = np.clip(np.max(covers, axis=0), 0.0, 1.0).astype(np.float32)
        tone = TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ / SOUND_HZ * (at % SOUND_HZ)).astype(np.float32)
        return replace(hop, samples=hop.samples * (1 - cover) + tone * cover)

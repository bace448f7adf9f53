"""The packs' recordings with what is said in them, as phones, and which of them are kept for measuring.

Held back: speakers of `so/` by the packs' rule, one of the three LibriSpeech readers, a tenth of Kathleen's prompts
(all takes of a prompt on one side).
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.recipes.guess import guess
from models.recipes.packs import Clips, find, is_held_back, open_clips, unpack
from models.stt.phones import INDEX, without_stress

__all__ = [
    "Lexicon",
    "Spoken",
    "add_guesses",
    "open_lexicon",
    "open_sentences",
    "open_transcribed",
    "phones_of",
    "words_of",
]

FILES = {"so": "so/*.opus", "libri": "ls/*.opus", "kathleen": "kathleen/*.opus"}
HELD_READER = "27"

Lexicon = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Spoken:
    """Clips with their words; `learned` and `held` are indices of clips."""

    clips: Clips
    texts: list[str]
    learned: list[int]
    held: list[int]


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; apostrophes stay."""
    plain = text.lower().replace("’", "'").replace("--", " ")
    return [w for word in re.findall(r"[a-z']+", plain) if (w := word.strip("'"))]


def open_lexicon(packs: Path) -> Lexicon:
    """The first pronunciation of each word of CMUdict, without stress, as phone numbers."""
    lexicon: Lexicon = {}
    for line in (packs / "text" / "cmudict.dict").read_text().splitlines():
        word, *phones = line.split("#")[0].split()
        if "(" not in word:
            lexicon[word] = tuple(INDEX[phone] for phone in without_stress(phones))
    return lexicon


def phones_of(text: str, lexicon: Lexicon) -> list[int] | None:
    """The phones of a sentence, or nothing if a word is unknown or is not written out."""
    words = words_of(text)
    if not words or re.search(r"\d", text) or any(word not in lexicon for word in words):
        return None
    return [phone for word in words for phone in lexicon[word]]


def add_guesses(lexicon: Lexicon, texts: Iterable[str]) -> None:
    """Give the words of `texts` that the lexicon lacks a pronunciation."""
    for word in {word for text in texts for word in words_of(text)} - lexicon.keys():
        if phones := guess(word):
            lexicon[word] = phones


def open_transcribed(packs: Path, cache: Path) -> dict[str, Spoken]:
    """The sets `so`, `libri` and `kathleen` at 16 kHz."""
    folders = unpack(packs, cache / "unpacked")
    texts = texts_of(folders)
    sets = {}
    for name, pattern in FILES.items():
        clips = open_clips(cache, name, find(folders, pattern))
        held = [i for i, file in enumerate(clips.names) if is_held(name, file)]
        learned = sorted(set(range(len(clips))) - set(held))
        sets[name] = Spoken(clips, [texts.get(file, "") for file in clips.names], learned, held)
    return sets


def texts_of(folders: list[Path]) -> dict[str, str]:
    rows = [row.split("\t") for path in find_all(folders) for row in path.read_text().splitlines()[1:]]
    return {Path(row[0]).name: row[2] for row in rows if len(row) > 2}


def find_all(folders: list[Path]) -> list[Path]:
    """Every pack's index."""
    return [path for folder in folders if (path := folder / "index.tsv").exists()]


def is_held(name: str, file: str) -> bool:
    if name == "kathleen":
        prompt = "_".join(file.split("_")[:2])
        return int(hashlib.md5(prompt.encode()).hexdigest(), 16) % 10 == 0
    return file.startswith(f"{HELD_READER}-") if name == "libri" else is_held_back(file)


def open_sentences(packs: Path, lexicon: Lexicon, *, count: int, seed: int) -> list[str]:
    """Sentences of 4 to 28 known words, two fifths from LJSpeech and the rest from the novels."""
    rng = np.random.default_rng(seed)
    with (packs / "text" / "ljspeech-transcripts.csv").open(newline="") as file:
        plain = [row[2] for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE) if len(row) > 2]
    novels = []
    for path in sorted((packs / "text" / "novels").glob("*.txt")):
        novels += re.split(r"(?<=[.!?;])\s+", " ".join(path.read_text(errors="ignore").split()))
    chosen = []
    for source, share in ((plain, 0.4), (novels, 0.6)):
        usable = [s for s in source if 4 <= len(words_of(s)) <= 28 and phones_of(s, lexicon)]
        picks = rng.permutation(len(usable))[: int(count * share)]
        chosen += [usable[i] for i in picks]
    return chosen

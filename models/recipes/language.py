"""How the language is made: `python -m models.recipes.language TEXT --common SCOWL --out DIR`, in a few minutes.

TEXT is the text pack; SCOWL the folder of graded word lists (Debian's `scowl`, /usr/share/dict/scowl), which says what
is common in today's English beyond the pack's novels. Prints perplexity on the texts that are held back.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.pronounce import pronounce
from models.recipes.kneser_ney import Sizes, train
from models.recipes.reading import Sentence, held_back_texts, texts
from models.stt.lexicon import MARKS, SENTENCE_END, SENTENCE_START, UNKNOWN, Lexicon
from models.stt.ngram import NGram
from models.stt.phones import without_stress
from models.tables import save_tables

__all__ = ["main", "perplexity", "pronunciations"]

COMMON_GRADES = {10: 4.0, 20: 2.0, 35: 1.0, 40: 0.5, 50: 0.3}  # SCOWL's grade -> occurrences to pretend
MODERN = {"LJSpeech": 2}  # texts to count more than once
KEPT = (250_000, 500_000)
SPREAD = 2  # a word that the dictionary lacks must be in so many texts
Dictionary = Mapping[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class Counted:
    """How often a word is said in all texts, and in how many of them."""

    times: Counter[str]
    texts: Counter[str]


def pronunciations(path: Path) -> Dictionary:
    """CMUdict: each word's pronunciations without stress, each once."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        entry, *phones = line.split("#")[0].split()
        way, word = tuple(without_stress(phones)), entry.split("(")[0]
        if way not in found[word] and re.fullmatch(r"[a-z']+", word):
            found[word].append(way)
    return {word: ways for word, ways in found.items() if ways}


def counted(read: Mapping[str, list[Sentence]]) -> Counted:
    times, seen = Counter[str](), Counter[str]()
    for sentences in read.values():
        here = Counter(word for sentence in sentences for written in sentence for word in written.said)
        times.update(here)
        seen.update(here.keys())
    return Counted(times, seen)


def common_words(scowl: Path) -> dict[str, float]:
    """Words of the graded lists and the occurrences that stand for their grade."""
    found: dict[str, float] = {}
    for grade, times in COMMON_GRADES.items():
        for path in scowl.glob(f"*.{grade}"):
            if path.name.split("-")[0] in ("english", "american"):
                for word in path.read_text(encoding="latin-1").lower().split():
                    found.setdefault(word, times)
    return found


def chosen(dictionary: Dictionary, counts: Counted, common: Mapping[str, float]) -> Lexicon:
    """The dictionary's words that the texts or the graded lists have, and what several texts have beside them."""
    spread = {word for word, seen in counts.texts.items() if seen >= SPREAD}
    known = {word for word in {*counts.times, *common} if word in dictionary}
    guessed = {word: [tuple(pronounce(word))] for word in spread - known}
    return Lexicon.of([(word, dictionary.get(word) or guessed[word]) for word in sorted({*known, *guessed})])


def sequence(read: Mapping[str, list[Sentence]], lexicon: Lexicon) -> NDArray[np.int64]:
    """All texts as word numbers; every other sentence runs on into the next, as speech does."""
    index, numbers = lexicon.index, [SENTENCE_START]
    for name, sentences in read.items():
        for i, sentence in enumerate(sentences * MODERN.get(name, 1)):
            numbers += [index.get(word, UNKNOWN) for written in sentence for word in written.said]
            numbers += [SENTENCE_END, SENTENCE_START] if i % 2 else []
    return np.array(numbers, np.int64)


def perplexity(ngram: NGram, index: Mapping[str, int], sentences: Iterable[Sentence]) -> tuple[float, float]:
    """Per word known, sentence ends among them; and the share of words that are not known."""
    total, known, unknown = 0.0, 0, 0
    for sentence in sentences:
        words = [index.get(word, UNKNOWN) for written in sentence for word in written.said]
        state = ngram.advance(np.array([NGram.empty]), np.array([SENTENCE_START]))
        for number in [*words, SENTENCE_END]:
            word = np.array([number])
            if number == UNKNOWN:
                unknown += 1
            else:
                total, known = total - float(ngram.score(state, word)[0]), known + 1
            state = ngram.advance(state, word)
    return float(np.exp(total / known)), unknown / (unknown + known)


def extra_counts(lexicon: Lexicon, common: Mapping[str, float]) -> NDArray[np.float64]:
    return np.array([common.get(word, 0.0) for word in lexicon.words])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--common", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    read = {name: list(sentences) for name, sentences in texts(told.text)}
    common = common_words(told.common)
    lexicon = chosen(pronunciations(told.text / "cmudict.dict"), counted(read), common)
    sizes = Sizes(len(lexicon.words), KEPT, SENTENCE_START, (UNKNOWN,), extra_counts(lexicon, common))
    ngram = train(sequence(read, lexicon), sizes)
    told.out.mkdir(parents=True, exist_ok=True)
    arrays = lexicon.to_arrays() | ngram.to_arrays()
    save_tables(arrays, told.out / "language.safetensors.xz")
    coded = NGram.from_arrays(arrays)
    print(len(lexicon.words) - len(MARKS), "words", len(lexicon.said), "pronunciations")
    print([len(level.score) for level in ngram.levels], "n-grams")
    for name, sentences in held_back_texts(told.text).items():
        per_word, unknown = perplexity(coded, lexicon.index, sentences)
        print(f"{name}: perplexity {per_word:.1f}, unknown words {100 * unknown:.2f} %")


if __name__ == "__main__":
    main()

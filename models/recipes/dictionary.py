"""How the dictionary is packed: `python -m models.recipes.dictionary CMUDICT --out DIR`, a few seconds.

The first pronunciation of every word is kept. Rules of stress are learned without every 20th word, by hash, and judged
on those.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from models.recipes.pronounce import is_held_back
from models.stt.phones import without_stress
from models.tts.dictionary import SUFFIX, Dictionary

__all__ = ["main", "stress_rules"]

LEAST = 8  # words that a rule is learned from

Words = Mapping[str, tuple[str, ...]]


def read(cmudict: Path) -> Words:
    """The first pronunciation of each word, stress kept."""
    lines = (line.split("#")[0].split() for line in cmudict.read_text(encoding="utf-8").splitlines())
    return {word: tuple(phones) for word, *phones in lines if "(" not in word}


def stress_rules(words: Iterable[tuple[str, tuple[str, ...]]]) -> dict[tuple[int, str], str]:
    """The commonest stress of words with so many vowels and such an ending, where a shorter ending says otherwise."""
    seen: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for word, phones in words:
        pattern = _pattern(phones)
        for n in range(SUFFIX + 1):
            seen[len(pattern), word[-n:] if n else ""][pattern] += 1
    rules: dict[tuple[int, str], str] = {}
    for (vowels, ending), patterns in sorted(seen.items(), key=lambda item: (len(item[0][1]), item[0])):
        best = patterns.most_common(1)[0][0]
        shorter = (rules.get((vowels, ending[i:])) for i in range(1, len(ending) + 1))
        if patterns.total() >= LEAST and best and best != next(filter(None, shorter), None):
            rules[vowels, ending] = best
    return rules


def _pattern(phones: Iterable[str]) -> str:
    return "".join(phone[-1] for phone in phones if phone[-1].isdigit())


def judged(dictionary: Dictionary, held: Words) -> float:
    """How many words have their main stress where the rules put it."""
    right = 0
    for word, phones in held.items():
        guessed = _pattern(dictionary.stressed(word, without_stress(phones)))
        right += guessed.find("1") == _pattern(phones).find("1")
    return right / len(held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cmudict", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    words = read(told.cmudict)
    rules = stress_rules((word, phones) for word, phones in words.items() if not is_held_back(word))
    dictionary = Dictionary.of(words.items(), rules)
    told.out.mkdir(parents=True, exist_ok=True)
    size = (told.out / "dictionary.xz").write_bytes(dictionary.packed())
    held = {word: phones for word, phones in words.items() if is_held_back(word)}
    print(f"{len(words)} words and {len(rules)} rules of stress in {size / 1e6:.2f} MB")
    print(f"main stress right in {100 * judged(dictionary, held):.1f} % of {len(held)} held-back words")


if __name__ == "__main__":
    main()

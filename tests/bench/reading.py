"""Which words the voice says for what is written, against a person's reading of the same lines.

    limelight bench reading ljspeech-transcripts.csv

The file has a line as written and as read in its second and third column, with bars between. Lines without figures and
abbreviations say nothing and are left out. Habits in which that person's notation only differs from ours do not count:
abbreviations written short, days of a month as plain numbers, "and" in a number.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from models.stt.numbers import ONES, ORDINALS, TENS
from models.stt.scoring import edits
from models.tts.clauses import Clauses
from models.tts.symbols import ENDING, NEVER_LAST
from models.tts.wording import wording

PLAIN = {ordinal: (ONES[n] if n < 20 else TENS[n // 10]) for ordinal, n in ORDINALS.items()}
SHORT = {short.rstrip("."): said for short, said in {**ENDING, **NEVER_LAST}.items() if short.count(".") == 1}
KEPT = ("no", "mar")  # words themselves
DROPPED = frozenset({"and", "the", "of"})


def ours(text: str) -> list[str]:
    clauses, words = Clauses(), list[str]()
    for clause in [*clauses.push(text), *clauses.flush()]:
        around = ["", *(token.text for token in clause.tokens), ""]
        for i in range(1, len(around) - 1):
            words += wording(around[i], before=around[i - 1], after=around[i + 1]).words
    return words


def alike(words: Sequence[str]) -> list[str]:
    """Without the habits that differ."""
    bare = [word.lower().strip(".,;:!?()\"'") for word in words]
    joined = [word if word in KEPT else SHORT.get(word, word) for word in bare]
    split = [part for word in joined for part in re.findall(r"[a-z']+", word)]
    return [PLAIN.get(word, word).replace("oh", "o") for word in split if word not in DROPPED]


def main(given: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="limelight bench reading")
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--show", type=int, default=15, metavar="N", help="the commonest differences")
    told = parser.parse_args(given)
    rows = [line.split("|") for line in told.transcripts.read_text(encoding="utf-8").splitlines()]
    pairs = [(alike(ours(row[1])), alike(row[2].split())) for row in rows if len(row) > 2 and row[1] != row[2]]
    wrong, total = sum(edits(b, a) for a, b in pairs), sum(len(b) for _, b in pairs)
    right = sum(a == b for a, b in pairs)
    print(f"{len(pairs)} lines, {right} read alike; {wrong} of {total} words otherwise ({100 * wrong / total:.2f} %)")
    seen: Counter[str] = Counter()
    for a, b in pairs:
        for kind, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            seen[f"{' '.join(a[a0:a1])!r} for {' '.join(b[b0:b1])!r}"] += kind != "equal"
    for what, times in seen.most_common(told.show):
        print(f"{times:4} {what}")

"""How writing habits are learned: `python -m models.recipes.written TEXT --common SCOWL --out DIR`, in a few minutes.

Capitals are counted inside sentences; marks are a logistic regression over hashed neighbouring words. Prints how well
both do on the text that is held back, words given without pauses.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from models.recipes.reading import Sentence, held_back_texts, texts
from models.stt.search import Word
from models.stt.written import MARKS, ROWS, Context, Habits, Writer, load_habits
from models.tables import save_tables

__all__ = ["capitals", "main", "marks"]

GRADES = (10, 20, 35, 40, 50)
EVERY = 2  # a half of the novels' sentences is enough
BATCH, ROUNDS = 4096, 3
LARGEST = 8.0  # weight
Example = tuple[list[int], int]


def capitals(read: Mapping[str, list[Sentence]], scowl: Path) -> list[str]:
    """Words mostly written with a capital inside a sentence, and names of the graded lists that no text has."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for sentences in read.values():
        for sentence in sentences:
            for written in sentence[1:]:
                if len(written.said) == 1 and not (written.text.isupper() and len(written.text) > 1):
                    forms[written.said[0]][written.text] += 1
    found = [_form(word, seen) for word, seen in forms.items()]
    return sorted({form for form in found if form} | {name for name in _listed(scowl) if name.lower() not in forms})


def _form(word: str, seen: Counter[str]) -> str:
    """The usual form if it is capital and says just this word."""
    raised = sum(times for form, times in seen.items() if form[:1].isupper())
    usual = seen.most_common(1)[0][0]
    fits = re.sub(r"[^a-z']", "", usual.lower()) == word and usual[:1].isupper()
    return usual if fits and 2 * raised > seen.total() else ""


def _listed(scowl: Path) -> set[str]:
    read = {
        kind: {word for grade in GRADES for path in scowl.glob(f"{kind}.{grade}") for word in _lines(path)}
        for kind in ("english-upper", "english-proper-names", "american-upper", "english-words", "american-words")
    }
    names = read["english-upper"] | read["english-proper-names"] | read["american-upper"]
    common = read["english-words"] | read["american-words"]
    return {name for name in names if name.lower() not in common and re.fullmatch(r"[A-Z][A-Za-z']+", name)}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="latin-1").split()


def examples(sentences: Iterable[Sentence]) -> Iterator[Example]:
    """The rows and the mark behind every word, the next word known; ends of sentences also without it."""
    words = [(said, w.after if said == w.said[-1] else "") for s in sentences for w in s for said in w.said]
    before, since, start = "", 0, 0
    for i, (word, after) in enumerate(words[:-1]):
        since += 1
        first, second = words[start][0], words[start + 1][0] if start < i else ""
        context = Context(before, word, words[i + 1][0], first, second, since)
        mark = "." if after == "!" else after
        yield context.rows(), MARKS.index(mark)
        if mark in (".", "?"):
            yield replace(context, following="").rows(), MARKS.index(mark)  # where talk ends, no word follows
        before, since = word, 0 if mark else since
        start = i + 1 if mark in (".", "?") else start


def marks(read: Mapping[str, list[Sentence]]) -> NDArray[np.float32]:
    """Logistic regression, `[ROWS, 4]`."""
    chosen: list[Example] = []
    for name, sentences in read.items():
        every = 1 if name == "LJSpeech" else EVERY
        runs = [sentences[i : i + 20] for i in range(0, len(sentences), 20 * every)]
        chosen += [example for run in runs for example in examples(run)]
    rows, wanted = torch.tensor([r for r, _ in chosen]), torch.tensor([w for _, w in chosen])
    table = nn.EmbeddingBag(ROWS, len(MARKS), mode="sum")
    nn.init.zeros_(table.weight)
    optimiser = torch.optim.Adagrad(table.parameters(), lr=0.3)
    for _ in range(ROUNDS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            loss = F.cross_entropy(table(rows[batch]), wanted[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    learned: NDArray[np.float32] = table.weight.detach().clamp(-LARGEST, LARGEST).numpy()
    return learned


def written_again(sentences: Sequence[Sentence], habits: Habits) -> Iterator[tuple[str, str]]:
    """What the book has and what the writer makes of each word; numbers and hyphens, which pair badly, left out."""
    writer = Writer(habits)
    flat = [w for s in sentences for w in s if re.fullmatch(r"[A-Za-z']+", w.text) and len(w.said) == 1]
    given = [Word(w.said[0], 10 * i, 10 * i + 10, 1.0) for i, w in enumerate(flat)]
    made = [*writer.push(given), *writer.finish()]
    at = {word.start: word.text for word in made}
    for i, w in enumerate(flat):
        if 10 * i in at and " " not in at[10 * i] and w.said[0] == at[10 * i].lower().strip(".,?"):
            yield w.text + w.after.replace("!", "."), at[10 * i]


def judged(sentences: Sequence[Sentence], habits: Habits) -> dict[str, float]:
    """Share of words cased rightly (and of those that the book capitalises); F1 of commas and of sentence ends."""
    pairs = list(written_again(sentences, habits))
    cased = [(a.rstrip(".,?") == b.rstrip(".,?"), a[:1].isupper()) for a, b in pairs]
    said = {"cased": np.mean([ok for ok, _ in cased]), "capitals found": np.mean([ok for ok, up in cased if up])}
    for name, kinds in {"comma": (",",), "sentence end": (".", "?"), "question": ("?",)}.items():
        truth, made = (np.array([pair[side].endswith(kinds) for pair in pairs]) for side in (0, 1))
        said[f"{name} F1"] = 2 * (truth & made).sum() / max(truth.sum() + made.sum(), 1)
    return {name: round(100 * float(value), 1) for name, value in said.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--common", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    read = {name: list(sentences) for name, sentences in texts(told.text)}
    names, table = capitals(read, told.common), marks(read)
    scale = np.float32(np.abs(table).max() / 127)
    arrays: dict[str, NDArray[np.generic]] = {
        "capitals": np.frombuffer("\n".join(names).encode(), np.uint8),
        "marks": np.round(table / scale).astype(np.int8),
        "marks_scale": np.array([scale], np.float32),
    }
    told.out.mkdir(parents=True, exist_ok=True)
    save_tables(arrays, told.out / "written.safetensors.xz")
    print(len(names), "capital words")
    for name, sentences in held_back_texts(told.text).items():
        print(name, judged(sentences, load_habits(weights=told.out / "written.safetensors.xz")))


if __name__ == "__main__":
    main()

"""The text pack as sentences: novels and the LJSpeech sentences, word by word, as written and as said.

It knows files, paragraphs, quotation marks and abbreviations; it counts nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.stt.numbers import spell

__all__ = ["Sentence", "Written", "held_back_texts", "said", "sentences_of", "texts"]

HELD_BACK_NOVEL = "Woolf_Lighthouse_1927.txt"
HELD_BACK_EVERY = 20
ABBREVIATIONS = {
    **{"mr.": "mister", "mrs.": "missus", "dr.": "doctor", "st.": "saint", "messrs.": "messieurs"},
    **{"capt.": "captain", "col.": "colonel", "gen.": "general", "lieut.": "lieutenant", "no.": "number"},
    **{"rev.": "reverend", "hon.": "honorable", "prof.": "professor", "sergt.": "sergeant", "&": "and"},
}
ELIDED = {"'em", "'tis", "'twas", "'twill", "'twere", "'cause", "'bout", "'til", "o'", "th'"}
OPENING = "\"'([_*`“‘"
CLOSING = "\"')]_*”’"


@dataclass(frozen=True, slots=True)
class Written:
    """A word as the page has it, what follows it (`""`, `,`, `.`, `?` or `!`), and the words that one says for it."""

    text: str
    after: str
    said: tuple[str, ...]


Sentence = list[Written]


def plain(text: str) -> str:
    """Letters without accents, straight quotation marks, single spaces, dashes set apart."""
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').replace("—", " -- ")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = re.sub(r"\b([Tt])o-(day|night|morrow)\b", r"\1o\2", text)
    return re.sub(r"\s+", " ", re.sub(r"--+| - |\.\.\.+", " -- ", text)).strip()


def said(text: str) -> tuple[str, ...]:
    """The words, lower case, that one says for a written word: `twenty-five` and `25` are both two."""
    if text.lower() in ABBREVIATIONS:
        return (ABBREVIATIONS[text.lower()],)
    if re.fullmatch(r"[IVXL]{2,}", text):
        return ()
    parts = (part for part in text.lower().split("-"))
    return tuple(word for part in parts for word in (spell(part.rstrip(".,")) or _word(part)))


def _word(text: str) -> list[str]:
    kept = re.sub(r"[^a-z']", "", text)
    kept = kept if kept in ELIDED else kept.strip("'")
    return [kept] if kept else []


def sentences_of(paragraph: str) -> Iterator[Sentence]:
    """The sentences of a paragraph; a paragraph of capitals alone is a heading and has none."""
    text = plain(paragraph)
    if text.upper() == text:
        return
    pieces, sentence = text.split(" "), Sentence()
    for i, piece in enumerate(pieces):
        following = pieces[i + 1].lstrip(OPENING) if i + 1 < len(pieces) else ""
        word = _piece(piece, following)
        if word is None:
            if piece == "--" and sentence and not sentence[-1].after:
                sentence[-1] = Written(sentence[-1].text, ",", sentence[-1].said)
            continue
        sentence.append(word)
        if word.after and word.after in ".?!":
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _piece(piece: str, following: str) -> Written | None:
    bare = piece.lstrip(OPENING)
    if bare.lower().rstrip(CLOSING) in ABBREVIATIONS or re.fullmatch(r"[A-Z]\.", bare):
        after, core = "", bare.rstrip(CLOSING)
    else:
        core = bare.rstrip(CLOSING + ",;:.?!")
        after = _mark(bare[len(core) :], following)
    words = said(core)
    return Written(core, after, words) if words else None


def _mark(tail: str, following: str) -> str:
    """What a run of punctuation means for the words: a full stop inside a sentence is a comma."""
    ends = next((c for c in tail if c in ".?!"), "")
    if ends and (not following or following[0].isupper() or following[0].isdigit() or following == "--"):
        return ends
    return "," if ends or any(c in ",;:" for c in tail) else ""


def novel(path: Path) -> Iterator[Sentence]:
    text = path.read_text(encoding="utf-8-sig")
    for paragraph in re.split(r"\n\s*\n", text):
        yield from sentences_of(paragraph)


def transcripts(path: Path, *, held_back: bool) -> Iterator[Sentence]:
    """LJSpeech; neighbouring lines run on, as the books do, and every 20th is held back."""
    lines = [line.split("|")[1] for line in path.read_text(encoding="utf-8").splitlines()]
    if held_back:
        yield from (s for line in lines[::HELD_BACK_EVERY] for s in sentences_of(line))
        return
    for i in range(1, len(lines), HELD_BACK_EVERY):
        yield from sentences_of(" ".join(lines[i : i + HELD_BACK_EVERY - 1]))


def texts(pack: Path) -> Iterable[tuple[str, Iterator[Sentence]]]:
    """What is learned from: the name and the sentences of each text."""
    for path in sorted((pack / "novels").glob("*.txt")):
        if path.name != HELD_BACK_NOVEL:
            yield path.stem, novel(path)
    yield "LJSpeech", transcripts(pack / "ljspeech-transcripts.csv", held_back=False)


def held_back_texts(pack: Path) -> dict[str, list[Sentence]]:
    """What is kept for measuring: one novel, and every 20th LJSpeech line."""
    return {
        "novel": list(novel(pack / "novels" / HELD_BACK_NOVEL)),
        "LJSpeech": list(transcripts(pack / "ljspeech-transcripts.csv", held_back=True)),
    }

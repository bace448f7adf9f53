"""What is written is never taken back: numbers wait until they are complete, words until the next is known."""

import random

import pytest

from models.stt.search import Word
from models.stt.written import Writer, load_habits

HABITS = load_habits()


def spoken(text: str, *, pause_after: str = "") -> list[Word]:
    """Words of 200 ms each; a second of silence behind every `pause_after`."""
    words, at = [], 0
    for said in text.split():
        words.append(Word(said, at, at + 10, 0.9))
        at += 60 if said == pause_after else 10
    return words


def texts(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


def at_once(text: str, *, pause_after: str = "") -> str:
    writer = Writer(HABITS)
    return texts([*writer.push(spoken(text, pause_after=pause_after)), *writer.finish()])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("i went to london with mister smith", "I went to London with Mr. Smith."),
        ("we have twenty five men", "We have 25 men."),
        ("it was in nineteen ninety nine", "It was in 1999."),
        ("they came on the twenty first of june", "They came on the 21st of June."),
        ("it costs three point five percent", "It costs 3.5%."),
        ("he has seven sons", "He has seven sons."),
    ],
)
def test_as_people_write(said: str, written: str) -> None:
    assert at_once(said).replace(",", "") == written


def test_a_number_is_held_until_it_is_complete() -> None:
    writer = Writer(HABITS)
    assert texts(writer.push(spoken("twenty"))) == ""
    assert texts(writer.preview([])) == "20"
    assert texts(writer.push([Word("five", 10, 20, 0.9)])) == ""
    assert texts(writer.preview([])) == "25"
    assert texts(writer.push([Word("men", 20, 30, 0.9)])).rstrip(",") == "25"


def test_a_number_that_never_ends_is_written_all_the_same() -> None:
    writer = Writer(HABITS)
    assert len(writer.push(spoken("five " * 60))) > 0
    assert len(writer._pending) < 20


def test_any_pushing_gives_the_same_text() -> None:
    text = "on the third of may eighteen forty two the king had twelve thousand men and they were at the gates of paris"
    words, rng, whole = spoken(text), random.Random(3), at_once(text)
    for _ in range(10):
        writer, made, at = Writer(HABITS), [], 0
        while at < len(words):
            step = rng.randint(1, 5)
            made += writer.push(words[at : at + step])
            at += step
        assert texts([*made, *writer.finish()]) == whole


def test_a_preview_changes_nothing() -> None:
    writer, other = Writer(HABITS), Writer(HABITS)
    words = spoken("what do you think of the twenty men")
    writer.preview(words)
    assert texts([*writer.push(words), *writer.finish()]) == texts([*other.push(words), *other.finish()])


def test_a_long_pause_ends_a_sentence() -> None:
    assert at_once("we went home the dog was there", pause_after="home") == "We went home. The dog was there."


def test_a_question_is_asked() -> None:
    assert at_once("what do you think").endswith("?")


def test_a_sentence_left_hanging_goes_on_after_the_pause() -> None:
    writer = Writer(HABITS)
    first = texts([*writer.push(spoken("he gave it to the")), *writer.finish()])
    second = texts([*writer.push(spoken("man")), *writer.finish()])
    assert (first, second) == ("He gave it to the", "man.")


def test_hot_words_are_spelled_as_given() -> None:
    writer = Writer(HABITS, names=["PyTorch"])
    assert "PyTorch" in texts([*writer.push(spoken("we use pytorch here")), *writer.finish()])


def test_times_and_confidence_cover_the_spoken_words() -> None:
    writer = Writer(HABITS)
    words = [Word("about", 0, 9, 0.9), Word("twenty", 10, 20, 0.8), Word("five", 20, 29, 0.5), Word("men", 30, 40, 0.9)]
    made = [*writer.push(words), *writer.finish()]
    assert (made[1].start, made[1].end, made[1].confidence) == (10, 29, 0.5)

"""Word errors count words, not ways of writing them."""

import pytest

from models.stt.scoring import edits, spoken_words


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [("", "", 0), ("a b c", "a b c", 0), ("a b c", "a c", 1), ("a c", "a b c", 1), ("a b", "b a", 2), ("", "a b", 2)],
)
def test_edits(said: str, heard: str, count: int) -> None:
    assert edits(said.split(), heard.split()) == count


def test_capitals_stops_and_numbers_do_not_count() -> None:
    assert spoken_words("Mr. Smith paid £25, to-morrow!") == [
        "mister",
        "smith",
        "paid",
        "twenty",
        "five",
        "pounds",
        "tomorrow",
    ]
    assert spoken_words("MISTER SMITH PAID TWENTY FIVE POUNDS TO MORROW") == spoken_words(
        "Mr. Smith paid £25 tomorrow."
    )

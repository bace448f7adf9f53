"""Numbers are written as people write them, and what numbers say is read back."""

import pytest

from models.stt.numbers import spell
from models.stt.numerals import goes_on, numerals, starts


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("twenty five", "25"),
        ("seven", "seven"),
        ("ten", "10"),
        ("nineteen ninety nine", "1999"),
        ("nineteen o six", "1906"),
        ("twenty twenty one", "2021"),
        ("eighteen hundred", "1800"),
        ("two thousand and five", "2005"),
        ("one hundred and five", "105"),
        ("three point five", "3.5"),
        ("two point five million", "2.5 million"),
        ("five million", "5 million"),
        ("one hundred seventy thousand pounds", "£170,000"),
        ("twelve dollars", "$12"),
        ("five percent", "5%"),
        ("forty five per cent", "45%"),
        ("twenty first", "21st"),
        ("third", "third"),
        ("twelfth", "12th"),
        ("hundred and twelfth", "hundred and 12th"),
        ("five five five one two o nine", "5551209"),
        ("five o'clock", "5 o'clock"),
        ("ten thirty p m", "10:30 p.m."),
        ("one million two hundred fifty thousand", "1,250,000"),
        ("five and six", "five and six"),
        ("twenty and thirty", "20 and 30"),
        ("zero", "zero"),
        ("zero point o five", "0.05"),
        ("three million five hundred thousand and twenty two", "3,500,022"),
        ("nine thousand thousand", "9000 thousand"),
    ],
)
def test_runs(said: str, written: str) -> None:
    assert " ".join(text for _, text in numerals(said.split())) == written


def test_every_word_is_used_once() -> None:
    run = [
        "point",
        "and",
        "nineteen",
        "o",
        "hundred",
        "five",
        "million",
        "and",
        "point",
        "six",
        "thousand",
        "first",
        "percent",
    ]
    assert sum(used for used, _ in numerals(run)) == len(run)


def test_after_at_it_is_a_time() -> None:
    assert numerals(["ten", "thirty"], before="at") == [(2, "10:30")]


def test_a_run_ends_with_the_first_word_that_cannot_belong_to_it() -> None:
    assert starts("twenty") and not starts("hundred") and not starts("first")
    assert goes_on(["twenty"], "five") and goes_on(["ten"], "a") and not goes_on(["ten"], "men")


@pytest.mark.parametrize("n", [10, 19, 25, 100, 110, 342, 999, 1000, 10_000, 54_321, 999_999, 1_234_567])
def test_what_is_spelled_is_read_back(n: int) -> None:
    assert [text for _, text in numerals(spell(f"{n:,}"))] == [f"{n:,}" if n >= 10_000 else str(n)]

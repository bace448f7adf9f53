"""Written numbers are said as people say them."""

import pytest

from models.stt.numbers import spell


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1999", "nineteen ninety nine"),
        ("1906", "nineteen o six"),
        ("2020", "two thousand twenty"),
        ("22nd", "twenty second"),
        ("3.5", "three point five"),
        ("£170,000", "one hundred seventy thousand pounds"),
        ("45%", "forty five percent"),
        ("1,250,000", "one million two hundred fifty thousand"),
        ("20th", "twentieth"),
        ("0", "zero"),
        ("word", ""),
        ("9999999999999999", " ".join(["nine"] * 16)),
    ],
)
def test_spell(written: str, said: str) -> None:
    assert " ".join(spell(written)) == said

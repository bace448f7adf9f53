"""Words that no dictionary has are pronounced by their letters."""

import pytest

from models.pronounce import pronounce, spelled_out
from models.stt.phones import PHONES


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("limelight", "L AY M L AY T"),
        ("kathleen", "K AE TH L IY N"),
        ("phone", "F OW N"),
        ("Knight", "N AY T"),
        ("bbc", "B IY B IY S IY"),
    ],
)
def test_words(word: str, phones: str) -> None:
    assert " ".join(pronounce(word)) == phones


def test_whatever_it_gets_it_gives_phones() -> None:
    for word in ("zzyzx", "o'er", "łódź", "naïve", "x" * 200, "a" * 200):
        assert set(pronounce(word)) <= set(PHONES[1:]) and pronounce(word)
    assert pronounce("") == [] and pronounce("123") == []


def test_letters_by_name() -> None:
    assert " ".join(spelled_out("OBS")) == "OW B IY EH S"

"""Words to phones: the packed dictionary, words built from its words, and guesses."""

import pytest

from models.recipes.dictionary import stress_rules
from models.tts.dictionary import Dictionary, load_dictionary
from models.tts.pronouncing import phones_of

WORDS = {"hello": ("HH", "AH0", "L", "OW1"), "tv.": ("T", "IY2", "V", "IY1"), "sh": ("SH",)}


def test_a_dictionary_comes_back_as_it_was_packed() -> None:
    rules = {(2, ""): "10", (2, "lo"): "01"}
    back = Dictionary.unpacked(Dictionary.of(WORDS.items(), rules).packed())
    assert {word: back.phones(word) for word in WORDS} == WORDS
    assert back.stress == rules
    assert back.phones("hell") is None


def test_stress_follows_the_longest_ending_that_a_rule_has() -> None:
    learned = [(f"w{i}tion", ("W", "AH0", "SH", "AH1")) for i in range(10)]
    learned += [(f"w{i}le", ("W", "AH1", "L", "AH0")) for i in range(20)]
    rules = Dictionary({}, stress_rules(learned))
    assert rules.stressed("station", ("S", "EY", "SH", "AH")) == ("S", "EY0", "SH", "AH1")
    assert rules.stressed("bottle", ("B", "AA", "AH", "L")) == ("B", "AA1", "AH0", "L")
    assert rules.stressed("b", ("B",)) == ("B",)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("subtitles", "S AH1 B T AY2 T AH0 L Z"),
        ("captioned", "K AE1 P SH AH0 N D"),
        ("streamers", "S T R IY1 M ER0 Z"),
        ("livestream", "L AY1 V S T R IY2 M"),
        ("W", "D AH1 B AH0 L Y UW0"),
    ],
)
def test_words(word: str, phones: str) -> None:
    assert " ".join(phones_of(word)) == phones


def test_an_unknown_word_is_guessed_with_one_main_stress() -> None:
    phones = phones_of("brontovex")
    assert "brontovex" not in load_dictionary()
    assert sum(phone.endswith("1") for phone in phones) == 1

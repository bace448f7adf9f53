"""Text to readings: where clauses end, what is said for what is written, and that no text is too strange."""

import random

import pytest

from models.tts.lexicon import parse_lexicon
from models.tts.reader import Reader
from models.tts.types import Clause

MIXED = """Hello there. Dr. Smith paid $5.99 for 3.14 kg on May 5, 2021 at 10:30 a.m. in St. Louis! The U.S. grew 2.5%.
Visit https://www.example.com/about?x=1 or mail bob@example.org 😀 <break time="1s"/>done, "Really?" she asked (twice).

- First item
- Second item — No. 5 is alive. No. I won't. 你好 world, a<b and naïve café… it goes on for a very long while without
any mark at all and nobody knows where it is going to end or whether it ever will"""


def read(text: str, lexicon: str = "") -> list[Clause]:
    reader = Reader(parse_lexicon(lexicon))
    return reader.push(text) + reader.flush()


def phones(text: str, lexicon: str = "") -> str:
    return " ".join(phone for clause in read(text, lexicon) for word in clause.words for phone in word.phones)


def in_pieces(text: str, rng: random.Random) -> list[Clause]:
    reader, given, at = Reader(), list[Clause](), 0
    while at < len(text):
        size = rng.randint(1, rng.choice((1, 4, 30)))
        given += reader.push(text[at : at + size])
        at += size
    return given + reader.flush()


def test_clauses_do_not_depend_on_how_the_text_arrives() -> None:
    rng, whole = random.Random(1), read(MIXED)
    assert all(in_pieces(MIXED, rng) == whole for _ in range(8))


def test_any_characters_are_read_without_an_error_and_offsets_point_at_the_words() -> None:
    rng = random.Random(2)
    letters = "aAbIeE tTh.,!?;:'\"()<>/-–—…#@&$€% 0123456789 \n\té你😀\u200d\x00½MKV:"
    for _ in range(150):
        text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 80)))
        whole = read(text)
        assert in_pieces(text, rng) == whole
        assert all(text[word.begin : word.end] == word.text for clause in whole for word in clause.words)


@pytest.mark.parametrize("text", ["a" * 20_000, "<a" * 5_000, "9" * 10_000, "你" * 10_000, "( " * 5_000, "😀" * 5_000])
def test_endless_text_is_read_in_bounded_clauses(text: str) -> None:
    for clause in read(text):
        assert len(clause.text) < 1000 and sum(len(word.phones) for word in clause.words) < 400


def test_a_clause_is_given_out_as_soon_as_it_is_over() -> None:
    reader = Reader()
    assert reader.push("It costs 3.") == []
    assert reader.push("14 dollars, ")[0].pause == ","
    assert [clause.text for clause in reader.push("sir. ")] == ["sir."]
    assert reader.push("Ask Dr. ") == []


def test_a_first_clause_without_marks_is_cut_early_and_never_behind_a_small_word() -> None:
    first, *_ = read("we are going to show you how the picture is made from the sound of a voice and nothing else")
    assert first.pause == "" and 5 <= len(first.words) <= 9
    assert first.words[-1].text not in ("the", "a", "of", "to")


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Mr. Li met Mrs. Poe. They sat.", ["Mr. Li met Mrs. Poe.", "They sat."]),
        ("He left at 5 p.m. The end.", ["He left at 5 p.m.", "The end."]),
        ("The U.S. Army is 3.5 times bigger.", ["The U.S. Army is 3.5 times bigger."]),
        ("No. 5 is alive. No. I won't.", ["No. 5 is alive.", "No.", "I won't."]),
        ("A title\n\nA text", ["A title", "A text"]),
        ("Bring:\n- milk\n- eggs", ["Bring:", "- milk", "- eggs"]),
        ("wait… what?!", ["wait…", "what?!"]),
    ],
)
def test_where_clauses_end(text: str, clauses: list[str]) -> None:
    assert [clause.text for clause in read(text)] == clauses


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$5.99", "five dollars and ninety nine cents"),
        ("$5 million", "five million dollars"),
        ("£1", "one pound"),
        ("3.14 kg", "three point one four kilograms"),
        ("10:05 pm", "ten oh P M".replace("oh", "o five")),
        ("May 5", "may fifth"),
        ("2021-11-21", "november twenty first twenty twenty one"),
        ("1906", "nineteen o six"),
        ("2005 1,234", "two thousand five one thousand two hundred thirty four"),
        ("22nd 1990s", "twenty second nineteen nineties"),
        ("555-1234", "five five five one two three four"),
        ("1/2 1½", "one half one and a half"),
        ("20°C -5", "twenty degrees celsius minus five"),
        ("10-20 km/h", "ten to twenty kilometers per hour"),
        ("1920x1080 H264", "nineteen twenty by ten eighty H two sixty four"),
        ("serial No. C2766, a 240-foot", "serial number C twenty seven sixty six a two hundred forty foot"),
        ("Chapter IV Henry VIII", "chapter four henry the eighth"),
        ("me@example.org", "me at example dot org"),
        ("https://www.example.com/about?x=1", "example dot com slash about"),
        ("OBS & WebRTC", "O B S and web R T C"),
        ("NASA", "nasa"),
        ("😀😀😀", "grinning face"),
        ("café αβ", "cafe alpha beta"),
    ],
)
def test_what_is_said_for_what_is_written(written: str, said: str) -> None:
    # `a` by itself is unstressed, as in running speech.
    assert phones(written).replace("AH0", "EY1") == phones(said).replace("AH0", "EY1")


def test_what_cannot_be_said_is_reported() -> None:
    (clause,) = read("你好 <emphasis>world</emphasis> \x07привет")
    assert [word.text for word in clause.words] == ["world"]
    assert set(clause.unspoken) == {"<emphasis>", "</emphasis>", "你好", "\x07", "привет"}
    (nothing,) = read("你好")
    assert nothing.words == () and nothing.unspoken == ("你好",)
    assert read("") == read(" \n ") == read("...") == []


def test_words_said_in_two_ways() -> None:
    assert "R EH1 D" in phones("I have read it") and "R IY1 D" in phones("I will read it")
    assert "L AY1 V" in phones("a live stream") and "L IH1 V" in phones("we live here")
    assert phones("the apple").startswith("DH IY0") and phones("the pear").startswith("DH AH0")


def test_shouting_is_words_and_acronyms_are_letters() -> None:
    assert phones("WE ARE HERE NOW") == phones("we are here now")
    assert phones("the US team") == phones("the U S team")


def test_a_lexicon_overrules() -> None:
    lexicon = "nginx engine x\nNguyen W IH1 N  # a name\nTomato\tT OW M AA T OW"
    assert phones("nginx", lexicon) == phones("engine x")
    assert phones("Nguyen, tomato", lexicon) == "W IH1 N T OW1 M AA0 T OW0"


@pytest.mark.parametrize("bad", ["word", "a b\nword\t", "w " + "x" * 300])
def test_a_bad_lexicon_line_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match=rf"line {len(bad.splitlines())}: a word, a space"):
        parse_lexicon(bad)

"""Books become sentences of words, as written and as said."""

from models.recipes.reading import said, sentences_of


def text(paragraph: str) -> list[str]:
    return [" ".join(word.text + word.after for word in sentence) for sentence in sentences_of(paragraph)]


def test_sentences_end_where_they_end() -> None:
    assert text('"Yes, of course," said Mrs. Ramsay. "But why?"') == ["Yes, of course, said Mrs. Ramsay.", "But why?"]
    assert text("He came--at last--\nto the 3.30 train; and left!") == [
        "He came, at last, to the 3.30 train, and left!"
    ]
    assert text("CHAPTER ONE") == []


def test_words_are_said() -> None:
    assert said("Mrs.") == ("missus",)
    assert said("twenty-five") == ("twenty", "five")
    assert said("1842") == ("eighteen", "forty", "two")
    assert said("'Don't") == ("don't",)
    assert said("XVI") == ()

"""Rows on the screen: what is committed never moves within its row, the tail follows, silence clears."""

from streamer.stages.recognise import Caption
from streamer.stages.screen import COLUMNS, Row, Screen
from tests.scripted import script


def caption(text="", tail="", *, segment=1, final=False):
    return Caption(segment, tuple(script(text)), tuple(script(tail)), final, 0.0, 0.0)


def test_committed_words_stand_and_the_tail_follows_them():
    screen = Screen()
    screen.hear(caption("so this", "is what"))
    assert screen.rows(0.0) == (Row("so this", " is what"),)
    screen.hear(caption("is", "not what"))
    assert screen.rows(0.1) == (Row("so this is", " not what"),)


def test_rows_roll_up_and_a_committed_word_keeps_its_place():
    screen, before = Screen(), ""
    text = "the quick brown fox jumps over the lazy dog and then it runs away into the dark wood for good"
    for word in text.split(" "):
        screen.hear(caption(word, "something else"))
        rows = screen.rows(0.0)
        assert len(rows) <= 2 and all(len(row.solid + row.tail) <= COLUMNS for row in rows)
        solids = [row.solid for row in rows if row.solid]
        assert solids[-1].startswith(before) or solids[:-1] == [before]
        before = solids[-1]
    assert before.endswith("for good")


def test_a_tail_longer_than_the_row_goes_on_the_next():
    screen = Screen()
    screen.hear(caption("a" * 30, "b" * 20))
    assert screen.rows(0.0) == (Row("a" * 30), Row(tail="b" * 20))


def test_another_segment_begins_another_row_and_silence_clears_the_screen():
    screen = Screen()
    screen.hear(caption("one", final=True))
    screen.hear(caption("two", segment=2))
    assert screen.rows(10.0) == (Row("one"), Row("two"))
    assert screen.rows(14.9) == (Row("one"), Row("two"))
    assert screen.rows(15.1) == ()
    screen.hear(caption("three", segment=2))
    assert screen.rows(15.2) == (Row("three"),)


def test_a_word_longer_than_a_row_stands_alone():
    screen = Screen()
    screen.hear(caption(f"so {'x' * 60} it"))
    assert screen.rows(0.0) == (Row("x" * 60), Row("it"))

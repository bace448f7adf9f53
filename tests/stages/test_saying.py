"""Saying: text by any pieces to sound, flushed and cancelled; one reader, one voice, nothing made that nobody takes."""

import asyncio

import numpy as np
import pytest

from streamer.stages.saying import MOST_WAITING, Saying, TooMuchText
from tests.voiced import Tones


async def all_of(saying):
    saying.end()
    return [piece async for piece in saying]


def words(pieces):
    return [word.text for piece in pieces for word in piece.words]


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_text_may_come_token_by_token(size):
    text = "One two, three four. Five"
    saying = Saying(Tones())
    for begin in range(0, len(text), size):
        saying.push(text[begin : begin + size])
    pieces = await all_of(saying)
    assert words(pieces) == ["One", "two", "three", "four", "Five"]
    assert [text[word.begin : word.end] for piece in pieces for word in piece.words] == words(pieces)
    assert pieces[-1].flushed
    assert round(sum(piece.length for piece in pieces) / 48_000, 2) == 5 * 0.3 + 3 * 0.2


async def test_it_speaks_the_first_clause_before_the_text_has_ended_and_makes_no_more_than_is_taken():
    voice = Tones()
    saying = Saying(voice)
    saying.push("One, two, three, four, five")
    pieces = aiter(saying)
    first = await anext(pieces)
    assert words([first]) == ["One"] and np.abs(first.samples).max() > 0.2
    assert voice.spoken == ["One,"]
    await pieces.aclose()


async def test_a_flush_says_what_is_unfinished_and_is_told():
    saying = Saying(Tones())
    pieces = aiter(saying)
    saying.push("Hello there")
    saying.flush()
    said = []
    while not (said and said[-1].flushed):
        said.append(await anext(pieces))
    assert words(said) == ["Hello", "there"]
    saying.push("again")
    assert words(await all_of(saying)) == ["again"]


async def test_cancel_raises_the_epoch_and_drops_the_rest():
    saying = Saying(Tones())
    saying.push("One two three. Four five six. Sev")
    pieces = aiter(saying)
    await anext(pieces)
    saying.cancel()
    saying.push("Eight.")
    rest = [piece async for piece in _ended(saying, pieces)]
    assert words(rest) == ["Eight"] and {piece.epoch for piece in rest} == {1}
    eight = next(word for piece in rest for word in piece.words)
    assert (eight.begin, eight.end) == (33, 38), "places count all the text that was given"


async def _ended(saying, pieces):
    saying.end()
    async for piece in pieces:
        yield piece


async def test_what_cannot_be_spoken_is_told_and_the_rest_is_said():
    saying = Saying(Tones())
    saying.push("One #two three. #.")
    pieces = await all_of(saying)
    assert words(pieces) == ["One", "three"]
    assert [each for piece in pieces for each in piece.unspoken] == ["#two", "#"]


async def test_too_much_text_is_refused_whole_and_later_text_is_taken():
    saying = Saying(Tones())
    with pytest.raises(TooMuchText, match="send less at a time"):
        saying.push("word " * MOST_WAITING)
    assert saying.taken == 0
    saying.push("fine.")
    assert words(await all_of(saying)) == ["fine"]


async def test_a_slow_taker_is_waited_for_and_closing_gives_back():
    voice = Tones(slots=1)
    saying = Saying(voice)
    assert voice.free == 0
    saying.push("one, two, three, four,")
    pieces = aiter(saying)
    for _ in range(3):
        await anext(pieces)
        await asyncio.sleep(0)
    assert voice.spoken == ["one,"]
    await pieces.aclose()
    saying.close()
    saying.close()
    assert voice.free == 1

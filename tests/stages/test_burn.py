"""Captions in the picture are readable, stay in their box, and cost nothing where there are none."""

import numpy as np
import pytest
from PIL import ImageFont

from streamer.frame import VideoFrame
from streamer.stages import burn
from streamer.stages.burn import Painter
from streamer.stages.screen import Row


def picture(width=640, height=360, *, full_range=False, seed=0):
    dice = np.random.default_rng(seed)
    half = (height + 1) // 2, (width + 1) // 2
    planes = [dice.integers(16, 236, size, np.uint8) for size in ((height, width), half, half)]
    return VideoFrame(0, *planes, full_range=full_range)


def changed(before, after):
    rows, columns = np.nonzero(before != after)
    return rows.min(), rows.max(), columns.min(), columns.max()


ROWS = (Row("What is said", ""), Row("and what is", " perhaps"))


def test_only_the_box_changes_and_the_picture_given_does_not():
    frame = picture()
    kept = frame.y.copy()
    out = Painter().draw(frame, ROWS)
    top, bottom, left, right = changed(frame.y, out.y)
    assert top > 250 and bottom < 350 and left > 100 and right < 540
    assert abs((left + right) / 2 - 320) < 4
    colour = changed(frame.u, out.u)
    assert all(abs(2 * c - y) <= 2 for c, y in zip(colour, (top, bottom, left, right), strict=True))
    assert np.array_equal(frame.y, kept)


def test_no_rows_is_the_very_picture():
    frame = picture()
    assert Painter().draw(frame, ()) is frame


@pytest.mark.parametrize("full_range", [False, True])
def test_letters_are_white_the_tail_is_dimmer_and_the_box_is_dark(full_range):
    grey = VideoFrame(
        0, *(np.full(s, 200, np.uint8) for s in ((360, 640), (180, 320), (180, 320))), full_range=full_range
    )
    solid, tail = (Painter().draw(grey, (row,)) for row in (Row("HHHH"), Row(tail="HHHH")))
    white, black = (255, 0) if full_range else (235, 16)
    assert solid.y.max() == white
    box = changed(grey.y, solid.y)
    inside = solid.y[box[0] : box[1], box[2] : box[3]]
    assert abs(int(np.median(inside)) - (0.7 * black + 0.3 * 200)) <= 1
    letters = tail.y[tail.y > 120]
    assert 0.5 * white < tail.y[box[0] : box[1], box[2] : box[3]].max() < 0.75 * white and letters.size
    assert np.array_equal(tail.u, solid.u), "the same letters take the same colour away"


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (17, 9), (63, 47), (641, 361), (120, 900), (1920, 1080)])
@pytest.mark.parametrize("scale", [0.5, 2.0])
@pytest.mark.parametrize("position", ["bottom", "top"])
def test_any_picture_size(size, scale, position):
    frame = picture(*size)
    rows = (Row("x" * 42), Row("words " * 7))
    out = Painter().draw(frame, rows, size=scale, position=position)
    assert out.y.shape == frame.y.shape and out.u.shape == frame.u.shape


def test_captions_can_stand_at_the_top():
    frame = picture()
    _, bottom, _, _ = changed(frame.y, Painter().draw(frame, ROWS, position="top").y)
    assert bottom < 110


def test_the_font_that_pillow_brings_does_where_there_is_no_other(monkeypatch):
    monkeypatch.setattr(burn, "FONTS", ())
    burn._font.cache_clear()
    frame = picture()
    assert not np.array_equal(Painter().draw(frame, ROWS).y, frame.y)
    assert isinstance(burn._font(20), ImageFont.FreeTypeFont)
    burn._font.cache_clear()

"""Subtitles read: what was written by us and by others, and what is none."""

import pytest

from streamer.frame import FormatError
from streamer.text.cue_files import cues_in, decoded
from streamer.text.cues import Cue
from streamer.text.subtitles import FORMATS, written

CUES = [Cue(0.5, 2.25, ("Fish & chips", "are <good>")), Cue(3600.0, 3601.5, ("Later.",))]


def test_what_we_write_is_read_again():
    assert cues_in(written(FORMATS["vtt"], CUES), "a.vtt") == CUES
    plain = [Cue(cue.start_s, cue.end_s, tuple(line.replace("<good>", "good") for line in cue.lines)) for cue in CUES]
    assert cues_in(written(FORMATS["srt"], plain), "a.srt") == plain


def test_what_others_write_is_read():
    text = (
        "WEBVTT - a film\nKind: captions\n\nSTYLE\n::cue { color: lime }\n\nNOTE two\nlines\n\n"
        "intro\n00:01.000 --> 00:02.500 align:start\n<v Ann><i>Hello</i> &amp; bye\n\n\n"
        "2\n0:00:00.5 --> 0:00:00,9\n{\\an8}First.\n"
    )
    assert cues_in(text, "a.vtt") == [Cue(0.5, 0.9, ("First.",)), Cue(1.0, 2.5, ("Hello & bye",))]
    assert decoded("\ufeffä".encode(), "a") == decoded("ä".encode("utf-16"), "a") == "ä"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no lines with times"),
        ("just some text\nand more\n", "line 2: 'and more' should be two times"),
        ("1\n00:00:01,000 to 00:00:02,000\nText", "line 2"),
        ("1\n00:00:03,000 --> 00:00:02,000\nText", "line 2: it ends before it begins"),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(FormatError, match=said):
        cues_in(text, "a.srt")


def test_other_codings_are_refused():
    with pytest.raises(FormatError, match="UTF-8"):
        decoded("ä".encode("latin-1"), "a.srt")

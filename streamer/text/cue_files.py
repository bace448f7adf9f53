"""SubRip and WebVTT files -> cues: what editors write, read leniently; what cannot be meant is an error (pure).

Marks of style are left out; a missing number or a decimal point for a comma is taken. What writes such files is
`subtitles.py`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from streamer.frame import FormatError
from streamer.text.cues import Cue

__all__ = ["cues_in", "decoded"]

MOST_CUES = 50_000
STAMP = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
TIMES = re.compile(rf"\s*{STAMP}\s*-+>\s*{STAMP}(?:\s+\S.*)?\s*")
STYLE = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
NO_CUE = ("NOTE", "STYLE", "REGION")
EXAMPLE = "00:00:01,000 --> 00:00:03,500"

Block = list[tuple[int, str]]  # lines with their numbers


def decoded(given: bytes, name: str) -> str:
    """The text of a file.

    Raises:
        FormatError: it is no text that can be told.
    """
    coding = "utf-16" if given.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return given.decode(coding)
    except UnicodeDecodeError:
        raise FormatError(f"{name}: not text in UTF-8; save it as UTF-8 in the editor that wrote it") from None


def cues_in(text: str, name: str) -> list[Cue]:
    """The cues of a `.srt` or `.vtt` file, by their start; `name` is for the errors.

    Raises:
        FormatError: a line cannot be understood, and which; or there are no cues.
    """
    cues = [cue for block in _blocks(text.splitlines()) if (cue := _cue(block, name))]
    if not cues:
        raise FormatError(f"{name}: no lines with times in it, as in: {EXAMPLE}")
    if len(cues) > MOST_CUES:
        raise FormatError(f"{name}: more than {MOST_CUES} lines; cut it in parts")
    return sorted(cues, key=lambda cue: cue.start_s)


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    block: Block = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            block.append((number, line))
        elif block:
            yield block
            block = []


def _cue(block: Block, name: str) -> Cue | None:
    """None for what is no cue: a heading, a remark, a style."""
    if block[0][1].startswith(("WEBVTT", *NO_CUE)) and "-->" not in block[0][1]:
        return None
    at = 0 if "-->" in block[0][1] else 1
    number, line = block[min(at, len(block) - 1)]
    found = TIMES.fullmatch(line)
    if not found:
        raise FormatError(f"{name}, line {number}: {line.strip()[:40]!r} should be two times, as in: {EXAMPLE}")
    start_s, end_s = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    if end_s <= start_s:
        raise FormatError(f"{name}, line {number}: it ends before it begins")
    return Cue(start_s, end_s, tuple(_plain(text) for _, text in block[at + 1 :]))


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, rest = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(rest.ljust(3, "0")) / 1000


def _plain(text: str) -> str:
    return html.unescape(STYLE.sub("", text)).strip()

"""What a command may be told of the anchor: arguments, and what is wanted, made of them.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import re

from streamer.stages.anchor import AnchorWanted

__all__ = ["add_anchor_arguments", "anchor_from"]


def add_anchor_arguments(parser: argparse.ArgumentParser) -> None:
    """`--anchor` and how it looks."""
    add = parser.add_argument_group("a drawn person who speaks").add_argument
    add(
        "--anchor",
        metavar="WHO",
        help="ada, kofi, mei, leo; a number: always the same new person; or me.json: your own picture",
    )
    add(
        "--background",
        metavar="WHAT",
        help="studio, none (alpha, in .webm), a colour such as #1e2a44, a picture, or blur:PICTURE (studio)",
    )
    add("--emotion", metavar="NAME", help="neutral, happy, sad, surprised or angry (neutral)")
    add("--size", metavar="WxH", help="of the picture (512x512)")
    add("--fps", type=int, metavar="N", help="pictures a second, 5 to 60 (30)")
    add("--no-mark", action="store_true", help='without the plate that says "AI · synthetic"; the file still says so')


def anchor_from(given: argparse.Namespace) -> AnchorWanted | None:
    """The anchor in what argparse made of the command line, if one is wanted.

    Raises:
        ValueError: it does not exist, or does not make sense; the text says what would.
    """
    told = {name: getattr(given, name) for name in ("background", "emotion", "fps") if getattr(given, name) is not None}
    if given.size is not None:
        told["width"], told["height"] = _size(given.size)
    if given.anchor is None:
        if told or given.no_mark:
            raise ValueError("--background, --emotion, --size, --fps and --no-mark are of an anchor: add --anchor NAME")
        return None
    return AnchorWanted(given.anchor, mark=not given.no_mark, **told)


def _size(text: str) -> tuple[int, int]:
    if not (found := re.fullmatch(r"(\d{2,5})[x×](\d{2,5})", text)):
        raise ValueError(f"--size {text!r}: write it as 512x512")
    return int(found[1]), int(found[2])

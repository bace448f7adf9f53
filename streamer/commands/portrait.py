"""`limelight portrait ME.jpg -o ME.json`: the points of a person's own picture found, and a picture to judge them by.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.portrait.points import NAMES, SHORTEST_CONSENT, Likeness, checked, load, read_picture
from streamer.frame import FormatError

__all__ = ["PortraitOptions", "add_arguments", "options_from", "run"]

EXAMPLE = '--consent "This is me, and I want to be shown so. Ada Example, 1 May 2026"'
NEEDED = "finding a face needs OpenCV: pip install 'limelight[portrait]'; or name MediaPipe's model with --face-model"

Points = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class PortraitOptions:
    """Whose picture, and where its points go; a `.json` of points is only shown again.

    Raises:
        ValueError: it cannot be done; says why.
    """

    picture: Path
    out: Path
    consent: str
    face_model: Path | None
    force: bool

    def __post_init__(self) -> None:
        if self.shown_again:
            return
        if len(self.consent) < SHORTEST_CONSENT:
            raise ValueError(f"only who is in a picture may have it speak, and says so, by name: {EXAMPLE}")
        if self.out.suffix.lower() != ".json":
            raise ValueError(f"-o {self.out}: what is written is a .json")
        if self.out.exists() and not self.force:
            raise ValueError(f"{self.out} exists; say --force to replace it, or move its points by hand")

    @property
    def shown_again(self) -> bool:
        """Whether the points are there already."""
        return self.picture.suffix.lower() == ".json"

    @property
    def proof(self) -> Path:
        """Where the picture to judge by goes."""
        return self.out.with_suffix(".proof.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `limelight portrait`."""
    add = parser.add_argument
    add(
        "picture",
        type=Path,
        metavar="PICTURE",
        help="of yourself, looking into the camera, lips closed; or a .json, to look at the points that it has",
    )
    add("-o", "--out", type=Path, metavar="OUT.json", help="the points and your consent (PICTURE's name, in .json)")
    add(
        "--consent", default="", metavar="TEXT", help="that it is you and you agree, with your name; it goes into films"
    )
    add(
        "--face-model",
        type=Path,
        metavar="FILE",
        help="find points exactly, with MediaPipe's face_landmarker.task (needs limelight[face])",
    )
    add("--force", action="store_true", help="replace what exists")


def options_from(given: argparse.Namespace) -> PortraitOptions:
    """The options in what argparse made of the command line; raises ValueError."""
    out = given.out or given.picture.with_suffix(".json")
    return PortraitOptions(given.picture, out, given.consent.strip(), given.face_model, given.force)


def run(options: PortraitOptions) -> int:
    """Find, write and show; returns the exit status."""
    try:
        likeness = load(options.picture) if options.shown_again else _found(options)
        _prove(likeness, options.proof)
    except (ValueError, FormatError, OSError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 1
    print(f"Look at {options.proof}: what is off there can be moved in {options.out}.", file=sys.stderr)
    print(f'Then: limelight say "Good evening." -o evening.mp4 --anchor {options.out}', file=sys.stderr)
    return 0


def _found(options: PortraitOptions) -> Likeness:
    """The likeness in a picture, written to its file."""
    picture = read_picture(options.picture)
    try:
        points = _points(picture, options.face_model)
        likeness = checked(Likeness(picture, points, options.consent))
    except ValueError as error:
        raise ValueError(f"{options.picture}: {error}") from error
    name = os.path.relpath(options.picture, options.out.parent)
    rows = ",\n".join(f'    "{name}": [{points[name][0]:.1f}, {points[name][1]:.1f}]' for name in NAMES)
    head = f'  "picture": {json.dumps(name)},\n  "consent": {json.dumps(options.consent, ensure_ascii=False)},\n'
    options.out.write_text(f'{{\n{head}  "points": {{\n{rows}\n  }}\n}}\n', encoding="utf-8")
    return likeness


def _points(picture: NDArray[np.uint8], model: Path | None) -> Points:
    if model is not None:
        from streamer.stages.tracker import face_points

        return face_points(model, picture)
    try:
        from models.portrait.finder import find

        return find(picture)
    except ImportError:
        raise FormatError(NEEDED) from None


def _prove(likeness: Likeness, path: Path) -> None:
    try:
        from models.portrait.proof import proof
    except ImportError as error:  # Skia's wheel links to the system's GL, which a bare server lacks
        raise FormatError(f"drawing an anchor needs libEGL (apt install libegl1 libgl1): {error}") from error
    proof(likeness).save(path)

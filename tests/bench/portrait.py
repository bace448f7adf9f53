"""How near the points that cascades find lie to MediaPipe's: `limelight bench portrait PICTURE… --face-model FILE`.

Both extras are needed, `limelight[portrait]` and `limelight[face]`. Distances are shares of that between the eyes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np

from models.portrait.finder import find
from models.portrait.points import NAMES, read_picture
from streamer.stages.tracker import face_points
from tests.bench._table import show

Distances = dict[str, float]


def distances(picture: Path, model: Path) -> Distances:
    """Of each point from where MediaPipe has it. Raises ValueError where either finds no face."""
    pixels = read_picture(picture)
    found, exact = find(pixels), face_points(model, pixels)
    eyes = [(exact[f"{side} eye left"] + exact[f"{side} eye right"]) / 2 for side in ("left", "right")]
    unit = float(np.linalg.norm(eyes[1] - eyes[0]))
    return {name: float(np.linalg.norm(found[name] - exact[name])) / unit for name in NAMES}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--face-model", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    given, measured = parser.parse_args(argv), list[Distances]()
    for picture in given.pictures:
        try:
            measured.append(distances(picture, given.face_model))
        except ValueError as error:
            print(f"{picture}: {error}", file=sys.stderr)
    if not measured:
        return 1
    rows = list[dict[str, str | float]]()
    for name in NAMES:
        off = [each[name] for each in measured]
        rows.append({"point": name, "mean": mean(off), "worst": max(off)})
    show(rows, title=f"Off MediaPipe's, in {len(measured)} of {len(given.pictures)} pictures", as_json=given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""How a talker's lips move in a video, measured: `python -m models.recipes.lips FACES --out lips.npz`.

Needs a MediaPipe whose wheel carries its face mesh (Apache-2.0, code and model): `pip install 'mediapipe==0.10.14'`, in
an environment of its own, as it wants older libraries than Limelight; nothing else of Limelight is imported here, so
the file can be run by its path. Pictures come from the `ffmpeg` program. What is kept are four curves a clip, in units
of the distance between the eyes, and no picture of anybody.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CURVES", "main"]

CURVES = ("opening", "width", "jaw", "height")  # between the lips; between the corners; nose to chin; outer edges
# Points of MediaPipe's face mesh; gaps are between the first and the second of each pair.
EYES = (33, 263)
PAIRS = {
    "opening": ((82, 87), (13, 14), (312, 317)),
    "width": ((61, 291),),
    "jaw": ((1, 152),),
    "height": ((0, 17),),
}

Picture = NDArray[np.uint8]


def pictures(path: Path) -> Iterator[Picture]:
    """RGB `[H, W, 3]` of every frame of a video."""
    asked = ["-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "json", str(path)]
    told = subprocess.run(["ffprobe", "-v", "error", *asked], check=True, capture_output=True).stdout
    stream = json.loads(told)["streams"][0]
    shape = (stream["height"], stream["width"], 3)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v:0"]
    form = ["-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run([*command, *form], check=True, capture_output=True).stdout
    yield from np.frombuffer(raw, np.uint8).reshape(-1, *shape)


def times(path: Path) -> NDArray[np.float32]:
    """When each frame is shown, in seconds."""
    asked = ["-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0", str(path)]
    told = subprocess.run(["ffprobe", "-v", "error", *asked], check=True, capture_output=True, text=True).stdout
    return np.array(sorted(float(line.split(",")[0]) for line in told.split()), np.float32)


def measured(mesh: Any, picture: Picture) -> list[float]:
    """The curves at one picture; NaN where no face is found."""
    found = mesh.process(picture).multi_face_landmarks
    if not found:
        return [float("nan")] * len(CURVES)
    height, width = picture.shape[:2]
    points = np.array([[p.x * width, p.y * height, p.z * width] for p in found[0].landmark])

    def gap(pair: tuple[int, int]) -> float:
        return float(np.linalg.norm(points[pair[0]] - points[pair[1]]))

    return [float(np.mean([gap(pair) for pair in PAIRS[name]])) / gap(EYES) for name in CURVES]


def measure(path: Path, make_mesh: Any) -> NDArray[np.float32]:
    """Time and curves `[N, 5]` of one clip."""
    with make_mesh() as mesh:
        curves = [measured(mesh, picture) for picture in pictures(path)]
    return np.column_stack([times(path)[: len(curves)], np.array(curves, np.float32)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path, help="folder of clips, each a face before the camera")
    parser.add_argument("--out", type=Path, required=True)
    told = parser.parse_args()
    from mediapipe.python.solutions.face_mesh import FaceMesh

    clips = sorted(told.faces.glob("*.mkv"))
    found = {clip.stem: measure(clip, lambda: FaceMesh(max_num_faces=1, refine_landmarks=True)) for clip in clips}
    told.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(told.out, allow_pickle=False, **found)


if __name__ == "__main__":
    main()

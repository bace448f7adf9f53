"""What an anchor's picture costs on one core: `limelight bench anchor`; `--sheet FILE` writes faces to look at."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.character.backdrop import backdrop
from models.character.look import NAMES, look_of
from models.character.renderer import Character
from models.drive import MouthTrack
from models.faces import EMOTIONS, emotion_pose, viseme_pose
from models.rig import combined, posed
from models.tts.types import Phone
from streamer.frame import PICTURE_HZ
from streamer.stages.anchor import AnchorPicture, AnchorWanted
from tests.bench._table import show

PHONES = ("HH", "AH0", "L", "OW1", "", "W", "ER1", "L", "D", "M", "UW1", "F", "IY1", "S")
PHONE_S = 0.09
COLUMNS, CELL = 6, 224
SHOWN = ("aa", "E", "oh", "ou", "FF", "SS")


def frame_ms(wanted: AnchorWanted, frames: int) -> tuple[list[float], float]:
    """How long each frame takes from the time to the planes, in wall time, and the mean in CPU time."""
    phones = [Phone(PHONES[k % len(PHONES)], k * PHONE_S, (k + 1) * PHONE_S) for k in range(frames)]
    mouth, actor, picture = MouthTrack(), wanted.actor(), AnchorPicture(wanted)
    mouth.extend(phones)
    took, begun = [], 0.0
    for number in range(-10, frames):  # the first ones fill what is cached
        begun = time.process_time() if number == 0 else begun
        start, at_s = time.perf_counter(), max(0, number) / wanted.fps
        picture.frame(actor.pose(at_s, mouth.at(at_s)), round(at_s * PICTURE_HZ))
        took.append(1e3 * (time.perf_counter() - start))
    return took[10:], 1e3 * (time.process_time() - begun) / frames


def sheet() -> Image.Image:
    """People of names and seeds, one of them in five moods, and saying six visemes."""
    rest, smile = posed({}), emotion_pose("neutral")
    people = [_drawn(name, combined(rest, face=smile, life=rest)) for name in (*NAMES, "12", "1")]
    moods = [_drawn("ada", combined(rest, face=emotion_pose(name), life=rest)) for name in EMOTIONS]
    turned = posed({"headYaw": 24, "headPitch": 4, "headRoll": 5})
    moods.append(_drawn("ada", combined(viseme_pose("E"), face=emotion_pose("happy"), life=turned)))
    lips = [_drawn("mei", combined(viseme_pose(name), face=smile, life=rest)) for name in SHOWN]
    rows = [np.concatenate(row, 1) for row in (people, moods, lips)]
    return Image.fromarray(np.concatenate(rows))


def _drawn(who: str, pose: NDArray[np.float32]) -> NDArray[np.uint8]:
    behind = backdrop("studio", width=CELL, height=CELL)
    return Character(look_of(who), width=CELL, height=CELL, background=behind).render(pose, 0.0)[..., :3].copy()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", nargs="+", default=list(NAMES))
    parser.add_argument("--size", type=int, nargs="+", default=[512, 720])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--json", action="store_true")
    given, rows = parser.parse_args(argv), []
    if given.sheet is not None:
        sheet().save(given.sheet, quality=85)
        return 0
    for who in given.characters:
        for size in given.size:
            took, cpu_ms = frame_ms(AnchorWanted(who, width=size, height=size), given.frames)
            rows.append(
                {
                    "character": who,
                    "picture": f"{size}×{size}",
                    "frame p50 ms": median(took),
                    "p95 ms": quantiles(took, n=20)[18],
                    "CPU ms": cpu_ms,
                    "frames/s": 1e3 / cpu_ms,
                    "share of a core at 30/s": cpu_ms * 30 / 1e3,
                }
            )
    show(rows, title="The anchor: pose, drawing and YUV planes, one thread", as_json=given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

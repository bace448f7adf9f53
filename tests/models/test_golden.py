"""The kept pictures of visemes and emotions: what is drawn today looks like them, and a mouth that moves does not."""

from __future__ import annotations

import pytest

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.rig import INDEX, settled
from tests.models.drawn import SHEETS, drawn, kept, unlikeness

MOST = 6.0  # of 255. Processors with and without AVX, Intel's and AMD's, draw the same to the bit (tried with QEMU)
CHANGED = "%s does not look as kept: if that is wanted, `python -m tests.models.drawn`, look at the sheets, commit them"
MOVED = {"jawOpen": 0.02, "mouthLowerDownLeft": 0.1, "mouthSmileLeft": 0.04, "mouthSmileRight": 0.04}


@pytest.mark.parametrize("sheet", SHEETS)
def test_every_face_looks_as_it_is_kept(sheet: str) -> None:
    faces = kept(sheet)
    for name, pose in SHEETS[sheet].items():
        assert unlikeness(drawn(pose), faces[name]) < MOST, CHANGED % name


def test_a_mouth_that_moves_a_little_is_seen() -> None:
    faces = kept("visemes")
    for name in ("sil", "aa", "oh"):
        for channel, amount in MOVED.items():
            pose = SHEETS["visemes"][name].copy()
            pose[INDEX[channel]] += amount
            assert unlikeness(drawn(settled(pose)), faces[name]) > 1.2 * MOST, (name, channel)


def test_no_two_faces_look_alike() -> None:
    for faces in (kept("visemes"), kept("emotions")):
        pictures = list(faces.values())
        assert all(unlikeness(a, b) > 2 * MOST for k, a in enumerate(pictures) for b in pictures[:k])

"""A person's own picture that speaks; the one here is drawn, so that nobody's likeness is needed."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.portrait.points import load
from models.portrait.renderer import Portrait
from models.rig import Pose, posed, settled
from streamer.commands.film import Film
from streamer.stages.anchor import AnchorWanted
from streamer.transports.file import FileJob
from tests.likenesses import CONSENT, POINTS, SIZE, likeness

REST = posed({})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    likeness(tmp_path)
    return tmp_path


def seen(portrait: Portrait, pose: Pose) -> NDArray[np.int16]:
    return portrait.render(settled(pose), 0.0)[..., :3].astype(np.int16)


def test_at_rest_it_is_the_picture(folder: Path) -> None:
    portrait = Portrait(load(likeness(folder)), width=SIZE, height=SIZE, mark=False)
    picture = np.asarray(Image.open(folder / "me.png"), np.int16)
    assert np.abs(seen(portrait, REST) - picture).mean() < 1.5


def test_the_lips_part_as_far_as_the_jaw_falls_and_meet_for_m(folder: Path) -> None:
    portrait = Portrait(load(likeness(folder)), width=SIZE, height=SIZE, mark=False)
    rest = seen(portrait, REST)

    def parted(pose: Pose) -> int:
        mouth = np.abs(seen(portrait, pose) - rest).sum(-1)[160:196, 112:144]
        return int((mouth > 90).sum())

    found = [parted(posed({"jawOpen": jaw})) for jaw in (0.1, 0.3, 0.6, 0.9)]
    assert found == sorted(found) and found[-1] > 3 * found[0]
    assert parted(posed({"jawOpen": 0.3, "mouthPress*": 0.7})) == 0


def test_it_blinks_and_turns_and_the_edges_of_the_picture_stay(folder: Path) -> None:
    portrait = Portrait(load(likeness(folder)), width=SIZE, height=SIZE, mark=False)
    rest = seen(portrait, REST)
    blink, turn = seen(portrait, posed({"eyeBlink*": 1})), seen(portrait, posed({"headYaw": 12, "headRoll": 6}))

    def green(picture: NDArray[np.int16]) -> int:
        return int((picture[..., 1] - picture[..., 0] > 25).sum())

    assert green(blink) < 0.45 * green(rest)
    assert np.abs(blink - rest)[150:].max() < 12
    assert np.abs(turn - rest)[90:180, 80:170].mean() > 5
    assert all(np.abs((turn - rest)[edge]).mean() < 1 for edge in (np.s_[-1], np.s_[:, 0], np.s_[:, -1]))


def test_the_file_keeps_the_mark_and_the_consent(folder: Path) -> None:
    wanted = AnchorWanted(str(likeness(folder)), width=128, height=128, fps=5)
    with Film(FileJob("-", str(folder / "film.mp4")), wanted) as film:
        film.sound(np.zeros((1, 19_200), np.float32))
        film.pictures(lambda at_s: REST, until_s=0.4)
        film.finish()
    with av.open(str(folder / "film.mp4")) as made:
        assert made.metadata["consent"] == CONSENT and "real person's picture" in made.metadata["comment"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"consent": ""}, "consent"),
        ({"picture": "you.png"}, "no picture that can be read"),
        ({"picture": "me.json"}, "no picture that can be read"),
        ({"points": {}}, "points are missing: forehead, chin"),
        ({"points": POINTS | {"chin": "low"}}, "a pair of pixels"),
        ({"points": POINTS | {"chin": [128, 20]}}, "mouth middle is to be above chin"),
        ({"points": POINTS | {"chin": [128, 2000]}}, "chin lies outside of the picture, which is 256×256"),
        ({"points": {name: [at[0] / 4, at[1] / 4] for name, at in POINTS.items()}}, "larger picture"),
    ],
)
def test_what_makes_no_face_is_said(folder: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(likeness(folder, **changes))


def test_a_picture_alone_and_a_file_that_is_no_json_are_told_what_is_missing(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"limelight portrait me\.png"):
        load(folder / "me.png")
    (folder / "me.json").write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        load(folder / "me.json")
    with pytest.raises(ValueError, match="cannot be read"):
        load(folder / "nowhere.json")
    with pytest.raises(ValueError, match="background"):
        AnchorWanted("me.json", background="none")


def test_a_face_that_would_be_cut_off_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Portrait(load(likeness(folder)), width=512, height=128)


def test_a_face_at_a_side_of_a_wide_picture_is_brought_to_the_middle(folder: Path) -> None:
    wide = Image.new("RGB", (1200, 600), (200, 200, 200))
    wide.paste(Image.open(folder / "me.png"), (900, 300))
    wide.save(folder / "me.png")
    moved = {name: [x + 900, y + 300] for name, (x, y) in POINTS.items()}
    fitted = load(likeness(folder, points=moved)).fitted(512, 512)
    assert fitted.picture.shape == (512, 512, 3)
    top, low = fitted.points["forehead"], fitted.points["chin"]
    assert 0.37 < (low[1] - top[1]) / 512 < 0.4 and abs(top[0] - 256) < 60
    eye = fitted.points["left eye left"] * 0.5 + fitted.points["left eye right"] * 0.5
    red, green, blue = fitted.picture[round(eye[1]), round(eye[0])].tolist()
    assert max(red, green, blue) < 120, "the pupil is where its points are"

"""The drawn character: what a person sees follows the rig, the same each time, different for each seed."""

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from models.character.look import look_of
from models.character.planes import planes_of
from models.character.renderer import Character
from models.rig import Pose, posed, settled

REST = posed({})


def drawn(pose: Pose, *, character: str = "ada", size: int = 160) -> NDArray[np.int16]:
    return Character(look_of(character), width=size, height=size).render(settled(pose), 0.0).astype(np.int16)


def open_rows(picture: NDArray[np.int16]) -> int:
    """How high the mouth is open, in pixels: from the upper to the lower line of the lips in the middle of the face."""
    height, width = picture.shape[:2]
    middle = picture[int(0.58 * height) : int(0.73 * height), width // 2 - 3 : width // 2 + 4].mean(1)
    skin = middle[0]
    unlike = np.flatnonzero(np.abs(middle - skin).sum(-1) > 110)
    return int(np.ptp(unlike)) if len(unlike) else 0


def test_the_mouth_seen_grows_with_the_jaw() -> None:
    seen = [open_rows(drawn(posed({"jawOpen": jaw}))) for jaw in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert seen == sorted(seen) and len(set(seen)) == len(seen)
    assert open_rows(drawn(posed({"jawOpen": 0.5, "mouthPress*": 0.6}))) <= seen[0] + 1


def test_lips_go_forward_wide_and_up() -> None:
    def wide(values: dict[str, float]) -> int:
        shut = drawn(posed({"jawOpen": 0.3} | values))[int(0.62 * 160) : int(0.69 * 160), 50:110]
        columns = (shut[..., 0] - shut[..., 1] > 45) & (shut[..., 0] < 170)
        return int(np.ptp(np.flatnonzero(columns.any(0))))

    assert wide({"mouthPucker": 0.8}) < wide({}) < wide({"mouthStretch*": 0.8})
    assert wide({}) < wide({"mouthSmile*": 0.8})


def test_a_blink_hides_the_iris() -> None:
    def green(picture: NDArray[np.int16]) -> int:
        return int(((picture[..., 1] - picture[..., 0] > 25) & (picture[..., 3] > 0)).sum())

    assert green(drawn(REST)) > 100 and green(drawn(posed({"eyeBlink*": 1}))) == 0


def test_the_same_poses_give_the_same_pictures() -> None:
    def run() -> NDArray[np.uint8]:
        person = Character(look_of("7"), width=96, height=96)
        turns = [posed({"headYaw": 20 * np.sin(k), "jawOpen": 0.3}) for k in range(4)]
        return np.stack([person.render(turn, k / 30).copy() for k, turn in enumerate(turns)])

    assert (run() == run()).all()


def test_hair_goes_on_swinging_when_the_head_has_stopped() -> None:
    person = Character(look_of("mei"), width=96, height=96)
    person.render(REST, 0.0)
    still = person.render(REST, 0.04).copy()
    person.render(posed({"headYaw": 30}), 0.08)
    person.render(REST, 0.12)
    assert (person.render(REST, 0.16) != still).any()
    assert (person.render(REST, 9.0) == still).all()


def test_each_seed_is_a_person() -> None:
    people = [drawn(REST, character=str(seed), size=64) for seed in range(12)]
    assert all((a != b).any() for k, a in enumerate(people) for b in people[:k])
    assert look_of("12") == look_of("12")
    with pytest.raises(ValueError, match=r"ada.*any whole number"):
        look_of("nobody")


def test_around_the_person_all_is_clear() -> None:
    alpha = drawn(REST)[..., 3]
    assert alpha[:20, :20].max() == 0 and alpha[80, 80] == 255


def test_size_changes_nothing_but_the_size() -> None:
    small, large = drawn(REST, size=128), drawn(REST, size=256)
    halved = large.reshape(128, 2, 128, 2, 4).mean((1, 3))
    assert np.abs(halved - small).mean() < 4


def test_the_planes_are_those_of_the_picture() -> None:
    grey = np.full((64, 64, 4), 255, np.uint8)
    grey[..., :3] = np.random.default_rng(1).integers(0, 255, (64, 64, 3))
    person = Character(look_of("ada"), width=64, height=64, background=grey)
    planes = person.planes(REST, 0.0)
    rgb = person.render(REST, 0.0)[..., :3].astype(float)
    luma = rgb @ [0.2568, 0.5041, 0.0979] + 16
    blue = rgb.reshape(32, 2, 32, 2, 3).mean((1, 3)) @ [-0.1482, -0.2910, 0.4392] + 128
    assert np.abs(planes.y - luma).max() <= 1 and np.abs(planes.u - blue).max() <= 1.5


def test_where_it_is_half_clear_colours_are_whole() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[...] = (100, 50, 25, 128)  # multiplied by alpha: an orange of 200, 100, 50
    opaque = np.full_like(pixels, 255)
    opaque[..., :3] = (199, 99, 49)
    for half, whole in zip(planes_of(pixels), planes_of(opaque), strict=True):
        assert np.abs(half.astype(int) - whole).max() <= 1

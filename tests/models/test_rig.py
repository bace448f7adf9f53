"""The rig: complete, in range, and no face that no face can make."""

import numpy as np
import pytest

from models.faces import EMOTIONS, PHONE_VISEMES, VISEMES, emotion_pose, phone_pose, phone_visemes, viseme_pose
from models.rig import BLENDSHAPES, CHANNELS, HIGHEST, INDEX, LOWEST, aperture, combined, gazing, posed, settled

REST = posed({})


def test_the_names_are_arkits_52_and_each_is_there_once() -> None:
    assert len(BLENDSHAPES) == 52
    assert len(set(CHANNELS)) == len(CHANNELS) == 61
    sided = {name for name in BLENDSHAPES if name.endswith(("Left", "Right"))}
    assert {name.replace("Left", "#").replace("Right", "Left").replace("#", "Right") for name in sided} == sided


def test_every_phone_and_viseme_has_a_shape_in_range() -> None:
    assert len(VISEMES) == 15 and len(PHONE_VISEMES) == 39
    assert {name for names in PHONE_VISEMES.values() for name in names} | {"sil"} == set(VISEMES)
    for phone, names in PHONE_VISEMES.items():
        for part in range(len(names)):
            pose = phone_pose(phone, part)
            assert (pose >= LOWEST).all() and (pose <= HIGHEST).all()
    assert phone_visemes("AH0") == phone_visemes("AH1") == phone_visemes("AH")
    assert phone_visemes("") == ("sil",)


def test_visemes_differ_from_one_another() -> None:
    shapes = np.stack([viseme_pose(name) for name in VISEMES])
    apart = np.abs(shapes[:, None] - shapes[None]).sum(-1) + np.eye(len(VISEMES))
    assert apart.min() > 0.1


def test_the_mouth_opens_as_phonetics_has_it() -> None:
    opening = {name: aperture(settled(viseme_pose(name))) for name in VISEMES}
    assert opening["PP"] == opening["sil"] == 0
    assert opening["aa"] > opening["oh"] > opening["ih"] > opening["FF"] > 0
    assert aperture(phone_pose("AA1")) > aperture(phone_pose("AA0"))


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("viseme", VISEMES)
def test_no_feeling_opens_lips_that_speech_closes_or_leaves_the_range(emotion: str, viseme: str) -> None:
    pose = combined(viseme_pose(viseme), face=emotion_pose(emotion), life=gazing(-10, 20))
    assert (pose >= LOWEST).all() and (pose <= HIGHEST).all()
    assert np.isfinite(pose).all()
    if viseme == "PP":
        assert aperture(pose) < 0.01


def test_a_feeling_is_seen_while_the_lips_are_busy() -> None:
    happy = combined(viseme_pose("aa"), face=emotion_pose("happy"), life=REST)
    assert happy[INDEX["mouthSmileLeft"]] > 0.3
    assert combined(REST, face=emotion_pose("surprised"), life=REST)[INDEX["jawOpen"]] > 0.2


def test_opposites_cancel_and_shut_lips_bridge_an_open_jaw() -> None:
    both = settled(posed({"mouthSmile*": 0.8, "mouthFrown*": 0.3}))
    assert both[INDEX["mouthSmileLeft"]] == pytest.approx(0.5) and both[INDEX["mouthFrownLeft"]] == 0
    assert aperture(settled(posed({"jawOpen": 0.7, "mouthPress*": 0.6}))) < 0.01
    assert settled(posed({"mouthClose": 0.9}))[INDEX["mouthClose"]] == 0
    assert settled(posed({"eyeBlink*": 1, "eyeWide*": 1}))[INDEX["eyeWideLeft"]] == 0


def test_a_gaze_is_told_in_angles_and_in_shapes() -> None:
    pose = gazing(10, 20)
    assert pose[INDEX["leftEyeYaw"]] == pose[INDEX["rightEyeYaw"]] == 20
    assert (
        pose[INDEX["eyeLookOutLeft"]] == pytest.approx(pose[INDEX["eyeLookInRight"]])
        and pose[INDEX["eyeLookOutLeft"]] > 0
    )
    assert pose[INDEX["eyeLookUpLeft"]] > 0 == pose[INDEX["eyeLookDownLeft"]]


def test_what_is_not_there_is_named_with_what_is_near() -> None:
    with pytest.raises(ValueError, match="did you mean 'jawOpen'"):
        posed({"jawopen": 1})
    with pytest.raises(ValueError, match="from 0 to 1"):
        posed({"jawOpen": 2})
    with pytest.raises(ValueError, match=r"did you mean 'happy'.*surprised"):
        emotion_pose("hapy")
    with pytest.raises(ValueError, match="viseme"):
        viseme_pose("xx")
    with pytest.raises(ValueError, match="phone"):
        phone_visemes("QQ")

"""A tracked face to the rig: the map alone, without the library, and what is said where that is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.face import points_of_face, pose_of_face
from models.portrait.points import NAMES
from models.rig import INDEX
from streamer.frame import FormatError, VideoFrame
from streamer.stages.tracker import MediaPipeTracker, load_tracker


def turned(axis: int, angle: float) -> np.ndarray:
    a, b = [each for each in range(3) if each != axis]
    matrix = np.eye(4)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    matrix[a, a] = matrix[b, b] = cos
    matrix[a, b], matrix[b, a] = -sin, sin
    if axis == 1:
        matrix[a, b], matrix[b, a] = sin, -sin
    return matrix


def test_shapes_keep_their_names_and_eyes_turn():
    pose = pose_of_face({"jawOpen": 0.5, "_neutral": 0.9, "eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0, "headYaw": 0.7})
    assert pose[INDEX["jawOpen"]] == 0.5 and pose[INDEX["headYaw"]] == 0
    assert pose[INDEX["leftEyeYaw"]] == pose[INDEX["rightEyeYaw"]] == 35
    assert pose_of_face({"jawOpen": 1.7})[INDEX["jawOpen"]] == 1


def test_open_eyes_are_open_and_shut_ones_shut():
    for told, shown in ((0.1, 0.0), (0.425, 0.5), (0.75, 1.0)):
        assert pose_of_face({"eyeBlinkLeft": told})[INDEX["eyeBlinkLeft"]] == pytest.approx(shown, abs=0.01)


def test_the_head_turns_as_it_is_seen():
    """Right-handed: about x by +20 is down, about y to the picture's right, about z leans to the picture's left."""
    for axis, channel, sign in ((0, "headPitch", -1), (1, "headYaw", 1), (2, "headRoll", -1)):
        pose = pose_of_face({}, turned(axis, 20))
        assert pose[INDEX[channel]] == pytest.approx(20 * sign, abs=1e-3)
        others = {"headPitch", "headYaw", "headRoll"} - {channel}
        assert all(abs(pose[INDEX[other]]) < 1e-3 for other in others)


def test_landmarks_become_the_points_of_a_portrait():
    found = points_of_face(np.stack([np.arange(478.0), np.full(478, 5.0)], 1))
    assert set(found) == set(NAMES)
    assert found["chin"].tolist() == [152, 5] and found["mouth middle"].tolist() == [13.5, 5]


def test_what_is_no_face_is_refused():
    with pytest.raises(ValueError, match="no turn"):
        pose_of_face({}, np.ones((4, 4)))
    with pytest.raises(ValueError, match="no numbers"):
        pose_of_face({"jawOpen": float("nan")})


def test_a_tracker_without_its_file_or_library_says_what_to_do(tmp_path: Path):
    with pytest.raises(FormatError, match=r"face_landmarker\.task"):
        load_tracker(tmp_path / "none.task")
    (tmp_path / "some.task").write_bytes(b"no model")
    with pytest.raises(FormatError, match=r"limelight\[face\]|not a model"):
        load_tracker(tmp_path / "some.task")


def test_what_the_landmarker_finds_becomes_a_pose():
    shapes = [SimpleNamespace(category_name="jawOpen", score=0.25)]
    found = [SimpleNamespace(face_blendshapes=[shapes], facial_transformation_matrixes=[turned(1, 10)])]
    found.append(SimpleNamespace(face_blendshapes=[], facial_transformation_matrixes=[]))
    asked = []

    def detect(picture, at_ms):
        asked.append((picture["data"].shape, at_ms))
        return found[len(asked) - 1]

    library = SimpleNamespace(Image=lambda **parts: parts, ImageFormat=SimpleNamespace(SRGB=1))
    tracker = MediaPipeTracker(SimpleNamespace(detect_for_video=detect), library)
    grey = [np.full((720 // part, 1280 // part), 128, np.uint8) for part in (1, 2, 2)]
    pose = tracker.track(VideoFrame(90_000, *grey))
    assert pose is not None and pose[INDEX["jawOpen"]] == 0.25 and pose[INDEX["headYaw"]] == pytest.approx(10, abs=1e-3)
    assert tracker.track(VideoFrame(90_000, *grey)) is None
    assert asked == [((360, 640, 3), 1000), ((360, 640, 3), 1001)]

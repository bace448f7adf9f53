"""The seam for a webcam that moves the anchor: pictures in, poses of the rig out, by whatever tracks a face.

MediaPipe's Face Landmarker is one (Apache-2.0): its library is an extra, `limelight[face]`, and its model a file that
the user gives, for no wheel carries it. A further tracker is one class that fits `FaceTracker`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.face import points_of_face, pose_of_face
from models.portrait.finder import NO_FACE, SEVERAL_FACES
from models.rig import Pose
from streamer.frame import PICTURE_HZ, FormatError, VideoFrame

__all__ = ["FaceTracker", "MediaPipeTracker", "face_points", "load_tracker"]

HIGH = 360  # more rows tell a tracker little


class FaceTracker(Protocol):
    """Work for a thread; pictures are given in the order of time."""

    def track(self, frame: VideoFrame) -> Pose | None:
        """The face in a picture; None where there is none."""
        ...

    def close(self) -> None: ...


def load_tracker(model: Path) -> FaceTracker:
    """MediaPipe with its model's file.

    Raises:
        FormatError: the library, or the file, is not there or not what it should be; says how to get it.
    """
    return MediaPipeTracker(*_landmarker(model, mode="VIDEO", faces=1))


def face_points(model: Path, picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """A portrait's points in a picture `[H, W, 3]`, by MediaPipe.

    Raises:
        FormatError: as `load_tracker`.
        ValueError: there is no face in it, or more than one.
    """
    landmarker, library = _landmarker(model, mode="IMAGE", faces=2)
    try:
        shown = library.Image(image_format=library.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        faces = landmarker.detect(shown).face_landmarks
    finally:
        landmarker.close()
    if len(faces) != 1:
        raise ValueError(SEVERAL_FACES if faces else NO_FACE)
    size = picture.shape[1::-1]
    return points_of_face(np.array([[place.x, place.y] for place in faces[0]]) * size)


def _landmarker(model: Path, *, mode: str, faces: int) -> tuple[Any, Any]:
    """MediaPipe's landmarker for so many faces, and the library."""
    if not model.is_file():
        raise FormatError(
            f"no such file: {model}. A face is tracked with MediaPipe's face_landmarker.task, to be fetched from its "
            "model page and named here"
        )
    try:
        import mediapipe
        from mediapipe.tasks import python as tasks
    except ImportError:
        raise FormatError("tracking a face needs MediaPipe: pip install 'limelight[face]'") from None
    options = tasks.vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(model)),
        running_mode=tasks.vision.RunningMode[mode],
        num_faces=faces,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        return tasks.vision.FaceLandmarker.create_from_options(options), mediapipe
    except (RuntimeError, ValueError, FileNotFoundError) as error:
        raise FormatError(f"{model} is not a model that MediaPipe reads: {error}") from error


class MediaPipeTracker:
    """`landmarker` in video mode, and the library that makes its pictures."""

    def __init__(self, landmarker: Any, library: Any) -> None:
        self._landmarker, self._library = landmarker, library
        self._last_ms = -1

    def track(self, frame: VideoFrame) -> Pose | None:
        self._last_ms = max(self._last_ms + 1, frame.pts * 1000 // PICTURE_HZ)  # it takes no time twice
        picture = self._library.Image(image_format=self._library.ImageFormat.SRGB, data=_rgb(frame))
        found = self._landmarker.detect_for_video(picture, self._last_ms)
        if not found.face_blendshapes:
            return None
        shapes = {shape.category_name: float(shape.score) for shape in found.face_blendshapes[0]}
        matrices = found.facial_transformation_matrixes
        return pose_of_face(shapes, np.asarray(matrices[0]) if matrices else None)

    def close(self) -> None:
        self._landmarker.close()


def _rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    """`[H, W, 3]`, `HIGH` rows at most."""
    size = (frame.width, frame.height) if frame.height <= HIGH else (frame.width * HIGH // frame.height, HIGH)
    planes = [Image.fromarray(np.ascontiguousarray(plane)).resize(size) for plane in (frame.y, frame.u, frame.v)]
    return np.asarray(Image.merge("YCbCr", planes).convert("RGB"))

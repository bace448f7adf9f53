"""The seam for a webcam that moves the anchor: pictures in, poses of the rig out, by whatever tracks a face.

MediaPipe's Face Landmarker is one (Apache-2.0): its library is an extra, `limelight[face]`, and its model a file that
the user gives, for no wheel carries it. A further tracker is one class that fits `FaceTracker`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from models.face import pose_of_face
from models.rig import Pose
from streamer.frame import PICTURE_HZ, FormatError, VideoFrame

__all__ = ["FaceTracker", "MediaPipeTracker", "load_tracker"]

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
        running_mode=tasks.vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        return MediaPipeTracker(tasks.vision.FaceLandmarker.create_from_options(options), mediapipe)
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


def _rgb(frame: VideoFrame) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """`[H, W, 3]`, `HIGH` rows at most."""
    size = (frame.width, frame.height) if frame.height <= HIGH else (frame.width * HIGH // frame.height, HIGH)
    planes = [Image.fromarray(np.ascontiguousarray(plane)).resize(size) for plane in (frame.y, frame.u, frame.v)]
    return np.asarray(Image.merge("YCbCr", planes).convert("RGB"))

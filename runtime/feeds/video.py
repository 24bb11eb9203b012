"""Cameras, video files, network streams and GStreamer pipelines, as OpenCV reads them."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from zcc.runtime.errors import InputError
from zcc.runtime.feeds.packages import opencv
from zcc.runtime.feeds.shot import Feed, Shot

# What files without such a number say instead is beyond these.
MOST_FRAMES, MOST_PER_SECOND = 1 << 31, 1000.0


def camera(number: int, color: str) -> Feed:
    """The frames of the camera with this number, as the system counts them."""
    cv2 = opencv(f"camera {number}")
    return _frames(cv2, number, cv2.CAP_ANY, f"camera {number}", color)


def pipeline(description: str, color: str) -> Feed:
    """What comes out of a GStreamer pipeline that ends in `appsink`."""
    cv2 = opencv("a GStreamer pipeline")
    return _frames(cv2, description, cv2.CAP_GSTREAMER, description, color)


def video(place: str | os.PathLike[str], color: str) -> Feed:
    """The frames of a video file, of a device such as /dev/video0, or of a URL."""
    name = os.fspath(place)
    cv2 = opencv(f"the video {name}")
    return _frames(cv2, name, cv2.CAP_ANY, name, color)


class VideoFacts(NamedTuple):
    """What a video says about itself; None where it does not."""

    frames: int | None
    per_second: float | None


def video_facts(place: str | os.PathLike[str] | int) -> VideoFacts:
    """How long a video is and how fast, without its frames."""
    cv2 = opencv(f"the video {place}")
    capture = cv2.VideoCapture(os.fspath(place) if not isinstance(place, int) else place)
    try:
        frames, per_second = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    return VideoFacts(
        int(frames) if 0 < frames < MOST_FRAMES else None, per_second if 0 < per_second < MOST_PER_SECOND else None
    )


def _frames(cv2: Any, place: str | int, reader: int, name: str, color: str) -> Feed:
    """Opened with the first frame and released after the last one, both in the thread that reads."""
    capture = cv2.VideoCapture(place, reader)
    try:
        if not capture.isOpened():
            remedy = "check that it is there, and that this OpenCV was built with a reader for it"
            raise InputError(f"{name} cannot be opened as a video", remedy)
        while (got := capture.read())[0]:
            yield Shot(got[1] if color == "bgr" else got[1][..., ::-1], name)
    finally:
        capture.release()

"""Streams: real files, real videos, real threads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.conftest import Tiny
from tests.runtime.conftest import FAST, SLOW, Pair
from tests.runtime.samples import assert_same, noise, run_python
from tests.runtime.streams.frames import COUNT, frames
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError, InputError, UsageError


def test_a_folder_is_seen_picture_by_picture(detector: Detector, folder: Path) -> None:
    stream = detector.stream(folder, conf=0.3, iou=0.6)
    seen = list(stream)
    assert [each.name for each in seen] == [str(folder / f"{number:03}.png") for number in range(COUNT)]
    assert [each.index for each in seen] == list(range(COUNT))
    for each, frame in zip(seen, frames(), strict=True):
        np.testing.assert_array_equal(each.frame, frame)
        assert_same(each.detections, detector(frame, conf=0.3, iou=0.6))
    statistics = stream.statistics
    assert (statistics.read, statistics.dropped, statistics.done) == (COUNT, 0, COUNT)
    assert [each.time for each in seen] == sorted(each.time for each in seen)
    assert abs(time.time() - seen[-1].time) < 60


def test_a_picture_and_a_list_of_pictures(detector: Detector, folder: Path) -> None:
    one, two = folder / "003.png", folder / "001.png"
    assert [each.name for each in detector.stream(one)] == [str(one)]
    assert [each.name for each in detector.stream([str(one), two])] == [str(one), str(two)]
    rgb = Path(cv2.__file__)  # any file that is no picture
    with pytest.raises(FrameError, match="not an image"):
        list(detector.stream([rgb]))


def test_a_video_is_seen_frame_by_frame(detector: Detector, tmp_path: Path) -> None:
    """FFV1 loses nothing, so frames come back as they were written."""
    path = tmp_path / "clip.mkv"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 25, (64, 48))
    for frame in frames():
        writer.write(frame)
    writer.release()
    expected = read_all(path)
    assert len(expected) == COUNT
    seen = list(detector.stream(path))
    assert {each.name for each in seen} == {str(path)}
    for each, frame in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(each.frame, frame)
        assert_same(each.detections, detector(frame))


def read_all(path: Path) -> list[Any]:
    """The frames of a video by OpenCV alone."""
    capture = cv2.VideoCapture(str(path))
    found = []
    while (got := capture.read())[0]:
        found.append(got[1])
    return found


def test_any_iterator_is_a_source(detector: Detector) -> None:
    expected = [detector(frame).boxes.tobytes() for frame in frames()]
    sources = (frames(), iter(frames()), (frame for frame in frames()), np.stack(frames()), map(memoryview, frames()))
    for source in sources:
        seen = list(detector.stream(source))
        assert [each.detections.boxes.tobytes() for each in seen] == expected
        assert {each.name for each in seen} == {""}
    assert list(detector.stream([])) == []


def test_a_source_may_yield_frames_of_another_format(detector: Detector) -> None:
    buffers = [cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420) for frame in frames(3)]
    for each, buffer in zip(detector.stream(buffers, format="i420"), buffers, strict=True):
        assert_same(each.detections, detector(buffer, format="i420"))


def test_a_swap_takes_effect_in_the_middle_of_a_stream(pair: Pair) -> None:
    detector, frame = pair.load(FAST), noise(48, 64)
    expected = {target: pair.load(target)(frame) for target in (FAST, SLOW)}
    for each in detector.stream([frame] * COUNT):
        assert_same(each.detections, expected[SLOW if each.index > 4 else FAST])
        if each.index == 4:
            detector.swap(target=SLOW)


def test_what_is_no_source_is_told(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.avi").write_bytes(b"no video")
    for source, error, told in (
        (tmp_path / "absent", InputError, "there is no .*absent"),
        ("", InputError, "an empty word"),
        (tmp_path / "empty", InputError, "holds no pictures"),
        (tmp_path / "bad.avi", InputError, "bad.avi cannot be opened as a video"),
        ("nothing ! appsink", InputError, "cannot be opened"),
        (3.5, UsageError, "a float is no source"),
    ):
        with pytest.raises(error, match=told):
            list(detector.stream(source))
    with pytest.raises(UsageError, match="choose one of every, newest"):
        detector.stream([], mode="latest")
    with pytest.raises(UsageError, match="queue of 0"):
        detector.stream([], queue=0)
    with pytest.raises(UsageError, match="conf"):
        detector.stream([], conf=2)


WITHOUT = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in sys.argv[3:] else find(name, *rest)
from zcc.runtime import Detector
try:
    found = list(Detector.load(sys.argv[1]).stream(sys.argv[2]))
    print(len(found), found[0].detections.boxes.tobytes().hex())
except Exception as error:
    print(type(error).__name__, error)
"""


def test_pictures_need_any_decoder_and_videos_opencv(tiny_artifact: Tiny, folder: Path, tmp_path: Path) -> None:
    place = tiny_artifact.folder
    pillow, opencv = (run_python(WITHOUT, place, folder, missing) for missing in ("cv2", "PIL"))
    assert pillow == opencv and pillow.startswith("12 ")
    assert "InputError no decoder for pictures is installed" in run_python(WITHOUT, place, folder, "PIL", "cv2")
    (tmp_path / "clip.mp4").write_bytes(b"")
    told = run_python(WITHOUT, place, tmp_path / "clip.mp4", "cv2")
    assert "needs OpenCV, which is not installed; in the folder of zcc's sources: pip install" in told

"""Frames in other formats: what they show is what OpenCV's conversion of them shows; what is none is refused."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame.yuv import Bytes, as_bgr, noise, planes
from tests.conftest import Tiny
from tests.runtime.samples import assert_same, changed_copy
from zcc.runtime import Detector
from zcc.runtime.errors import FrameError
from zcc.runtime.frame import Frame, as_frame

ADDED = ("nv12", "i420", "gray")


def apart(plane: Bytes) -> Bytes:
    """The plane with bytes between its rows."""
    room = np.full((plane.shape[0], plane.shape[1] + 31), 0xAB, np.uint8)
    room[:, : plane.shape[1]] = plane
    return room[:, : plane.shape[1]]


def mapped(buffer: Bytes) -> Any:
    """The buffer in a driver's memory."""
    memory = mmap.mmap(-1, buffer.nbytes)
    memory[:] = buffer.tobytes()
    return memoryview(memory).cast("B", buffer.shape)


def read_only(buffer: Bytes) -> Bytes:
    buffer = buffer.copy()
    buffer.flags.writeable = False
    return buffer


WAYS: dict[str, Callable[[str, Bytes], Any]] = {
    "one buffer": lambda name, buffer: buffer,
    "read-only": lambda name, buffer: read_only(buffer),
    "rows apart": lambda name, buffer: apart(buffer),
    "camera buffer": lambda name, buffer: mapped(buffer),
    "upside down in memory": lambda name, buffer: buffer[::-1].copy()[::-1],
    "mirrored in memory": lambda name, buffer: buffer[:, ::-1].copy()[:, ::-1],
    "a channel axis": lambda name, buffer: buffer[..., None],
}
IN_PLANES: dict[str, Callable[[str, Bytes], Any]] = {
    "planes": lambda name, buffer: tuple(planes(name, buffer)),
    "planes apart": lambda name, buffer: tuple(apart(plane) for plane in planes(name, buffer)),
    "planes, read-only": lambda name, buffer: tuple(read_only(plane) for plane in planes(name, buffer)),
    "camera planes": lambda name, buffer: tuple(mapped(plane) for plane in planes(name, buffer)),
}


@pytest.mark.parametrize(
    ("name", "way"),
    [*((name, way) for name in ADDED for way in WAYS), *((name, way) for name in ADDED[:2] for way in IN_PLANES)],
)
@pytest.mark.parametrize("size", [(48, 64), (2, 2), (180, 90)], ids=str)
def test_detections_are_those_of_the_converted_frame(
    detector: Detector, name: str, way: str, size: tuple[int, int]
) -> None:
    buffer = noise(name, *size)
    expected = detector(np.ascontiguousarray(as_bgr(name, buffer)))
    found = detector({**WAYS, **IN_PLANES}[way](name, buffer), format=name)
    assert_same(found, expected)
    assert found.edges == expected.edges


def test_planes_of_pairs(detector: Detector) -> None:
    brightness, chroma = planes("nv12", noise("nv12", 48, 64))
    expected = detector((brightness, chroma), format="nv12")
    assert_same(detector((brightness, chroma.reshape(24, 32, 2)), format="nv12"), expected)


@pytest.mark.parametrize("size", [(48, 64), (47, 33), (1, 1), (1, 9), (9, 1)], ids=str)
def test_one_channel_is_gray_without_a_word(detector: Detector, size: tuple[int, int]) -> None:
    frame = noise("gray", *size)
    expected = detector(np.repeat(frame[..., None], 3, axis=2))
    for given in (frame, frame[..., None], memoryview(frame)):
        assert_same(detector(given), expected)


def test_the_order_of_three_channels_is_the_artifacts_unless_it_is_told(detector: Detector) -> None:
    frame = noise("bgr", 48, 64)
    assert_same(detector(frame, format="bgr"), detector(frame))
    turned = np.ascontiguousarray(frame[..., ::-1])
    assert_same(detector(turned, format="rgb"), detector(frame))
    assert not np.array_equal(detector(turned).scores, detector(frame).scores)
    assert detector.manifest.formats == ("bgr", "rgb", "nv12", "i420", "gray")


def test_an_artifact_without_the_format_says_so(tiny_artifact: Tiny, tmp_path: Path) -> None:
    old = Detector.load(changed_copy(tiny_artifact.folder, tmp_path / "old", formats=("bgr", "gray")))
    old(noise("gray", 8, 8))
    with pytest.raises(FrameError, match=r"reads bgr, gray frames, not nv12; .*compile"):
        old(noise("nv12", 8, 8), format="nv12")


FLAT = np.zeros((12, 8), np.uint8)
Y, UV, U = np.zeros((8, 8), np.uint8), np.zeros((4, 8), np.uint8), np.zeros((4, 4), np.uint8)


@pytest.mark.parametrize(
    ("frame", "name", "reason"),
    [
        (FLAT, "yuy2", "no frame format is called 'yuy2'; give one of bgr, rgb, nv12, i420, gray"),
        (FLAT, "NV12", "no frame format is called 'NV12'"),
        (np.zeros((10, 8), np.uint8), "nv12", "10 rows of 8 bytes, which no height gives"),
        (np.zeros((10, 8), np.uint8), "i420", "10 rows of 8 bytes, which no height gives"),
        (np.zeros((12, 7), np.uint8), "nv12", "7 x 8 pixels, both must be even"),
        (np.zeros((12, 7), np.uint8), "i420", "7 x 8 pixels, both must be even"),
        (np.zeros((8, 8, 3), np.uint8), "nv12", r"\(8, 8, 3\), not \(height, width\)"),
        (np.zeros((8, 8, 3), np.uint8), "gray", r"\(8, 8, 3\), not \(height, width\)"),
        (np.zeros(96, np.uint8), "nv12", r"\(96,\), not \(height, width\); reshape"),
        (np.zeros((0, 8), np.uint8), "nv12", "empty: 8 x 0"),
        (np.zeros((12, 0), np.uint8), "i420", "empty: 0 x 12"),
        (np.zeros((0, 0), np.uint8), None, "empty: 0 x 0"),
        (np.zeros((12, 8), np.int8), "nv12", "int8, not uint8"),
        (np.zeros((12, 8), np.uint16), "gray", "uint16, not uint8"),
        ((Y, UV.astype(np.float32)), "nv12", "float32, not uint8"),
        ((Y,), "nv12", r"1 planes, not \(brightness, chroma\)"),
        ((Y, U, U), "nv12", r"3 planes, not \(brightness, chroma\)"),
        ((Y, UV), "i420", r"2 planes, not \(brightness, u, v\)"),
        ((Y, U), "nv12", r"chroma plane of the nv12 frame has shape \(4, 4\), not \(4, 8\)"),
        ((Y, UV[:3]), "nv12", r"\(3, 8\), not \(4, 8\)"),
        ((Y, U, UV), "i420", r"v plane of the i420 frame has shape \(4, 8\), not \(4, 4\)"),
        ((Y, U[:0], U), "i420", "empty: 4 x 0"),
        ((Y[:7], U, U), "i420", "8 x 7 pixels, both must be even"),
        ((Y, None), "nv12", "NoneType is no frame"),
        ((Y, UV), None, "tuple is no frame"),
        ((Y, UV), "gray", "tuple is no frame"),
        (np.zeros((1 << 15 | 1, 2), np.uint8), None, "sides up to 32768"),
        (np.broadcast_to(np.uint8(0), (3 << 15, 2)), "nv12", "sides up to 32768"),
    ],
)
def test_what_is_no_such_frame_is_refused_in_words(detector: Detector, frame: Any, name: str, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        detector(frame, format=name)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_a_frame_that_was_looked_over_is_taken_as_it_is(detector: Detector) -> None:
    frame = as_frame(noise("nv12", 48, 64), "nv12")
    assert isinstance(frame, Frame) and (frame.height, frame.width) == (48, 64)
    assert as_frame(frame) is frame
    assert_same(detector(frame), detector(noise("nv12", 48, 64), format="nv12"))
    assert_same(detector(frame.copy()), detector(frame))

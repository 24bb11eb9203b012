"""Frames of every format against OpenCV's conversion and letterbox."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, SHORT, Machine, preprocess
from tests.compiler.backends.cpu.frame.references import letterboxed
from tests.compiler.backends.cpu.frame.yuv import as_bgr, noise, planes
from zcc.compiler.backends.cpu.frame.formats import FORMATS, formats_of
from zcc.runtime import frame as runtime_frame
from zcc.runtime.manifest import InputSpec

SQUARE = InputSpec(64, 64)
SPECS = (SQUARE, InputSpec(96, 160), InputSpec(160, 96, resize="stretch"))
ADDED = ("nv12", "i420", "gray")
SIZES = ((2, 2), (2, 4), (4, 2), (2, 6), (6, 2), (4, 4), (2, 700), (700, 2), (38, 54), (64, 64), (128, 130), (360, 640))


def levels(image: NDArray[Any]) -> NDArray[np.float64]:
    """What a kernel wrote, as planes of grey levels."""
    if image.dtype == np.float32:
        return np.rint(image.astype(np.float64) * 255)
    if image.dtype == np.uint16:
        image = (image.astype(np.uint32) << 16).view(np.float32)
    assert not image[..., 3].any()
    return image[..., :3].transpose(2, 0, 1).astype(np.float64)


def distance(name: str, spec: InputSpec, buffer: NDArray[np.uint8], machine: Machine, dtype: str = "float32") -> float:
    """Grey levels between the kernel and OpenCV, where they differ most."""
    found = levels(preprocess(spec, machine, dtype, name)(*planes(name, buffer)))
    return float(np.abs(found - letterboxed(as_bgr(name, buffer), spec)).max())


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize(("spec", "machine"), [*((spec, HOST) for spec in SPECS), (SPECS[1], NARROW)], ids=str)
def test_equals_opencv_within_a_grey_level(name: str, spec: InputSpec, machine: Machine) -> None:
    for size in SIZES:
        assert distance(name, spec, noise(name, *size), machine) <= 1, size


@pytest.mark.parametrize("name", ADDED)
@settings(max_examples=25)
@given(st.sampled_from(SPECS), st.integers(1, 150), st.integers(1, 150), st.integers(0, 9))
def test_any_frame_equals_opencv(name: str, spec: InputSpec, rows: int, cols: int, seed: int) -> None:
    assert distance(name, spec, noise(name, 2 * rows, 2 * cols, seed), HOST) <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 501), (501, 1), (33, 77)], ids=str)
def test_gray_frames_may_have_odd_sides(size: tuple[int, int]) -> None:
    for spec in SPECS:
        assert distance("gray", spec, noise("gray", *size), HOST) <= 1


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("dtype", ["uint8", SHORT])
def test_every_input_of_a_network_can_be_written(name: str, dtype: str) -> None:
    for size in ((2, 2), (38, 54), (300, 200)):
        assert distance(name, SPECS[1], noise(name, *size), HOST, dtype) <= 1


@pytest.mark.parametrize("name", ADDED)
def test_the_size_of_a_camera(name: str) -> None:
    assert distance(name, InputSpec(640, 640), noise(name, 1080, 1920), HOST) <= 1


@pytest.mark.parametrize("name", ["nv12", "i420"])
def test_every_colour_there_is(name: str) -> None:
    """All three in steps from one end to the other, those that no screen can show among them."""
    steps = np.append(np.arange(0, 256, 5), 255).astype(np.uint8)
    y, u, v = (np.resize(part, (384, 384)) for part in np.meshgrid(steps, steps, steps, indexing="ij"))
    chroma = {"nv12": np.stack([u, v], axis=2), "i420": np.stack([u, v])}[name]
    buffer = np.concatenate([y.repeat(2, axis=0).repeat(2, axis=1), chroma.reshape(384, 768)])
    assert distance(name, InputSpec(768, 768), buffer, HOST) <= 1


@pytest.mark.parametrize("name", ADDED)
def test_planes_with_bytes_between_their_rows(name: str) -> None:
    frame = planes(name, noise(name, 90, 70))
    padded = [np.pad(plane, ((0, 0), (0, 13 + 5 * number))) for number, plane in enumerate(frame)]
    apart = [wide[:, : plane.shape[1]] for wide, plane in zip(padded, frame, strict=True)]
    kernel = preprocess(SQUARE, HOST, "float32", name)
    np.testing.assert_array_equal(kernel(*apart), kernel(*frame))


def test_gray_is_the_picture_of_three_equal_channels() -> None:
    frame = noise("gray", 75, 99)
    picture = np.asarray(cv2.merge([frame] * 3), np.uint8)
    same = preprocess(SQUARE, HOST, "uint8", "gray")(frame)
    np.testing.assert_array_equal(same, preprocess(SQUARE, HOST, "uint8")(picture))


def test_the_runtime_knows_the_formats_that_the_compiler_does() -> None:
    assert list(FORMATS) == list(runtime_frame.FORMATS)
    assert formats_of(InputSpec(64, 64, color="rgb")) == ("rgb", "bgr", "nv12", "i420", "gray")

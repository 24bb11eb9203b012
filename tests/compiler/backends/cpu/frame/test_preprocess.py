"""The preprocess kernel against OpenCV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, UNTOUCHED, Machine, preprocess
from tests.compiler.backends.cpu.frame.references import letterboxed
from zcc.runtime.manifest import InputSpec

ROOT = Path(__file__).parents[5]
SQUARE = InputSpec(64, 64)
SPECS = (
    SQUARE,
    InputSpec(96, 160, color="rgb"),
    InputSpec(160, 96, resize="stretch"),
    InputSpec(32, 64, color="rgb", resize="stretch"),
)
SIZES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 2), (2, 3), (1, 700), (700, 1), (37, 53), (64, 64), (128, 128))


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def distance(spec: InputSpec, frame: NDArray[np.uint8], machine: Machine = HOST) -> float:
    """Grey levels between the kernel and OpenCV, where they differ most."""
    planes = preprocess(spec, machine)(frame)
    return float(np.abs(planes * 255 - letterboxed(frame, spec)).max())


@pytest.mark.parametrize(("spec", "machine"), [*((spec, HOST) for spec in SPECS), (SPECS[1], NARROW)], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equals_opencv_within_a_grey_level(size: tuple[int, int], spec: InputSpec, machine: Machine) -> None:
    assert distance(spec, noise(*size), machine) <= 1.001


@settings(max_examples=40)
@given(st.sampled_from(SPECS), st.integers(1, 300), st.integers(1, 300), st.integers(0, 9))
def test_any_frame_equals_opencv(spec: InputSpec, height: int, width: int, seed: int) -> None:
    assert distance(spec, noise(height, width, seed)) <= 1.001


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080), (480, 640), (4320, 7680)], ids=str)
def test_camera_frames_equal_opencv(size: tuple[int, int]) -> None:
    assert distance(InputSpec(640, 640), noise(*size)) <= 1.001


@pytest.mark.parametrize("spec", SPECS[:2], ids=str)
def test_frame_of_the_input_size_is_copied_exactly(spec: InputSpec) -> None:
    frame = noise(spec.height, spec.width)
    planes = preprocess(spec, HOST)(frame)
    order = frame[..., ::-1] if spec.color == "bgr" else frame
    np.testing.assert_array_equal(np.rint(planes * 255).astype(int), order.transpose(2, 0, 1))
    np.testing.assert_allclose(planes, order.transpose(2, 0, 1) / 255, rtol=1e-6)


@pytest.mark.parametrize("size", [(48, 64), (64, 48), (63, 64), (64, 1), (1, 64)], ids=str)
@pytest.mark.parametrize("machine", [HOST, NARROW], ids=str)
def test_frame_that_needs_no_scaling_is_copied_between_its_border(size: tuple[int, int], machine: Machine) -> None:
    frame = noise(*size)
    planes = preprocess(SQUARE, machine)(frame)
    np.testing.assert_array_equal(np.rint(planes * 255), letterboxed(frame, SQUARE))


def test_frame_that_is_part_of_a_larger_one() -> None:
    whole = noise(90, 120)
    part = whole[10:70, 20:101]
    assert not part.flags.c_contiguous
    planes = preprocess(SQUARE, HOST)
    np.testing.assert_array_equal(planes(part), planes(part.copy()))


@pytest.mark.parametrize("dtype", UNTOUCHED)
def test_only_the_images_interior_is_written(dtype: str) -> None:
    kernel = preprocess(SQUARE, HOST, dtype)
    image = kernel(noise(50, 99))
    assert image.min() >= 0 and image.max() <= (1 if dtype == "float32" else 255)
    kernel.interior[:] = UNTOUCHED[dtype]
    assert (kernel.padded == UNTOUCHED[dtype]).all()


def assert_same_levels(spec: InputSpec, frame: NDArray[np.uint8], machine: Machine = HOST) -> None:
    """The image of pixels is the image of planes, in whole grey levels."""
    planes, pixels = preprocess(spec, machine)(frame), preprocess(spec, machine, "uint8")(frame)
    np.testing.assert_array_equal(pixels[..., :3], np.rint(planes * 255).transpose(1, 2, 0))
    assert not pixels[..., 3].any()


@pytest.mark.parametrize(("spec", "machine"), [*((spec, HOST) for spec in SPECS), (SPECS[1], NARROW)], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_hold_the_levels_of_the_planes(size: tuple[int, int], spec: InputSpec, machine: Machine) -> None:
    assert_same_levels(spec, noise(*size), machine)


@settings(max_examples=40)
@given(st.sampled_from(SPECS), st.integers(1, 300), st.integers(1, 300), st.integers(0, 9))
def test_pixels_of_any_frame_hold_the_levels_of_the_planes(spec: InputSpec, height: int, width: int, seed: int) -> None:
    assert_same_levels(spec, noise(height, width, seed))


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 1080)], ids=str)
def test_pixels_of_camera_frames_hold_the_levels_of_the_planes(size: tuple[int, int]) -> None:
    assert_same_levels(InputSpec(640, 640), noise(*size))


def test_nothing_outside_the_frame_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.compiler.backends.cpu.frame.guarded"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, "inside"), done.stderr

"""The share of edges that the preprocess kernel counts, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, UNTOUCHED, Machine, preprocess
from tests.compiler.backends.cpu.frame.references import placement
from zcc.compiler.backends.cpu.frame.edges import EDGE_ROWS, EDGE_STEP
from zcc.runtime.manifest import InputSpec

SQUARE = InputSpec(64, 64)
SPECS = (SQUARE, InputSpec(32, 96, color="rgb", resize="stretch"))


def share(frame: NDArray[np.uint8], spec: InputSpec, dtype: str, machine: Machine = HOST) -> float:
    """What the kernel finds."""
    kernel = preprocess(spec, machine, dtype)
    kernel(frame)
    return float(kernel.share[0])


def expected(frame: NDArray[np.uint8], spec: InputSpec) -> float:
    """The definition, on the image that the network sees."""
    _, _, height, width, top, left = placement(spec, *frame.shape[:2])
    green = preprocess(spec, HOST, "uint8")(frame)[top : top + height, left : left + width, 1].astype(int)
    steps = np.abs(np.diff(green[::EDGE_ROWS], axis=1))
    return float((steps > EDGE_STEP).mean()) if steps.size else 0.0


def noise(height: int, width: int, contrast: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, contrast + 1, (height, width, 3), np.uint8)


@pytest.mark.parametrize("dtype", UNTOUCHED)
@settings(max_examples=30)
@given(st.sampled_from(SPECS), st.integers(1, 300), st.integers(1, 300), st.integers(0, 255), st.integers(0, 9))
def test_any_frame(dtype: str, spec: InputSpec, height: int, width: int, contrast: int, seed: int) -> None:
    frame = noise(height, width, contrast, seed)
    assert share(frame, spec, dtype) == pytest.approx(expected(frame, spec), rel=1e-6)


@pytest.mark.parametrize("dtype", UNTOUCHED)
@pytest.mark.parametrize("contrast", [60, 120, 255])
def test_narrow_vectors(dtype: str, contrast: int) -> None:
    frame = noise(100, 70, contrast)
    assert 0 < expected(frame, SQUARE) < 1
    assert share(frame, SQUARE, dtype, NARROW) == pytest.approx(expected(frame, SQUARE), rel=1e-6)


@pytest.mark.parametrize("dtype", UNTOUCHED)
@pytest.mark.parametrize(("contrast", "found"), [(EDGE_STEP, 0.0), (EDGE_STEP + 1, 1.0)])
def test_step_is_the_least_that_is_no_edge(dtype: str, contrast: int, found: float) -> None:
    stripes = np.full((64, 64, 3), 100, np.uint8)
    stripes[:, ::2, 1] += np.uint8(contrast)
    assert share(stripes, SQUARE, dtype) == found


@pytest.mark.parametrize("dtype", UNTOUCHED)
@pytest.mark.parametrize("size", [(1, 1), (64, 30), (30, 64), (700, 1), (1, 700)], ids=str)
def test_border_is_no_edge(dtype: str, size: tuple[int, int]) -> None:
    assert share(np.full((*size, 3), 255, np.uint8), SQUARE, dtype) == 0.0

"""The reference letterbox against OpenCV, and the way back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from examples.shapes.letterbox import PADDING, letterbox

SIZES = [(480, 640), (640, 480), (360, 640), (1, 1), (7, 1000), (1000, 7), (320, 320), (33, 17), (541, 959)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pixels_are_those_of_opencv(height: int, width: int) -> None:
    frame = np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)
    canvas, fit = letterbox(frame, 320)
    new_width, new_height = round(width * fit.scale), round(height * fit.scale)
    expected = np.full((320, 320, 3), PADDING, np.uint8)
    resized = cv2.resize(frame, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    expected[fit.top : fit.top + new_height, fit.left : fit.left + new_width] = resized
    assert np.abs(canvas.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_boxes_go_in_and_come_back(height: int, width: int) -> None:
    _, fit = letterbox(np.zeros((height, width, 3), np.uint8), 320)
    boxes = np.array([[0, 0, width, height], [width / 4, height / 3, width / 2, height / 2]], np.float32)
    inside = fit.to_input(boxes)
    assert inside.min() >= 0
    assert inside.max() <= 320
    np.testing.assert_allclose(fit.to_frame(inside), boxes, atol=2e-3)

"""Outlines, their extents and their masks agree, and with OpenCV's idea of the same polygon."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from examples.shapes.outlines import CLASSES, Shape, rasterize


def random_shape(kind: str, rng: np.random.Generator) -> Shape:
    radius = float(rng.uniform(8, 60))
    x, y = rng.uniform(70, 90, 2)
    hole = 0.5 if kind == "ring" else 0.0
    return Shape(kind, float(x), float(y), radius, float(rng.uniform(0, 7)), hole)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("seed", range(5))
def test_the_box_is_the_extent_of_the_mask(kind: str, seed: int) -> None:
    shape = random_shape(kind, np.random.default_rng(seed))
    left, top, mask = rasterize(shape)
    rows, columns = np.nonzero(mask > 0.02)
    seen = [left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1]
    # A pixel that the outline merely grazes belongs to the extent.
    np.testing.assert_allclose(seen, shape.box, atol=1.0)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("seed", range(5))
def test_the_mask_covers_what_opencv_finds_inside_the_outline(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = random_shape(kind, rng)
    left, top, mask = rasterize(shape)
    outline = shape.points.astype(np.float32)
    hole = ((shape.points - (shape.x, shape.y)) * shape.hole + (shape.x, shape.y)).astype(np.float32)
    for row, column in rng.integers(0, mask.shape, (400, 2)):
        center = (float(left + column) + 0.5, float(top + row) + 0.5)
        depth = cv2.pointPolygonTest(outline, center, True)  # signed distance to the outline
        if shape.hole:
            depth = min(depth, -cv2.pointPolygonTest(hole, center, True))
        if abs(depth) > 1.0:  # away from the edge a pixel is wholly in or wholly out
            assert mask[row, column] == float(depth > 0)


def test_areas_are_those_of_the_textbook() -> None:
    expected = {
        "circle": np.pi,
        "ring": np.pi * (1 - 0.5**2),
        "square": 2.0,
        "triangle": 3 * np.sqrt(3) / 4,
        "star": 10 * 0.45 * np.sin(np.pi / 5) / 2,
        "cross": 4 * 0.34 * (2 * np.sqrt(1 - 0.34**2) - 0.34),
    }
    assert set(expected) == set(CLASSES)
    for kind, area in expected.items():
        mask = rasterize(Shape(kind, 50, 50, 40, 0.3, 0.5 * (kind == "ring")))[2]
        assert mask.sum() == pytest.approx(area * 40**2, rel=0.02)

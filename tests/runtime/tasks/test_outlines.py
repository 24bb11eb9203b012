"""Bitmaps as run lengths and polygons, against pycocotools and OpenCV."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco

from zcc.runtime.tasks.outlines import coco_rle, packed, polygons, run_lengths, unpacked


def bitmaps() -> list[NDArray[np.bool_]]:
    """Noise of every density, blobs with holes, single pixels, nothing at all."""
    rng = np.random.default_rng(0)
    noise = [rng.random(size) < share for size, share in (((7, 9), 0.5), ((40, 30), 0.1), ((13, 50), 0.9))]
    ring = np.zeros((30, 40), np.uint8)
    cv2.circle(ring, (20, 15), 12, 1, -1)
    cv2.circle(ring, (20, 15), 6, 0, -1)
    diagonal = np.array([[1, 0], [0, 1]])
    whole = [np.zeros((5, 4)), np.ones((5, 4)), np.ones((1, 1)), diagonal, diagonal[::-1], ring, np.zeros((0, 0))]
    return [*noise, *(each.astype(bool) for each in whole)]


def in_frame(bitmap: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    whole = np.zeros(size, np.uint8)
    whole[top : top + bitmap.shape[0], left : left + bitmap.shape[1]] = bitmap
    return whole


@pytest.mark.parametrize("place", [(0, 0), (3, 8)])
@pytest.mark.parametrize("number", range(len(bitmaps())))
def test_run_lengths_are_those_of_coco(number: int, place: tuple[int, int]) -> None:
    bitmap, size = bitmaps()[number], (60, 70)
    whole = in_frame(bitmap, *place, size)
    expected = coco.encode(np.asfortranarray(whole))
    assert coco_rle(bitmap, *place, *size) == {"size": [60, 70], "counts": expected["counts"].decode()}
    np.testing.assert_array_equal(coco.decode(coco_rle(bitmap, *place, *size)), whole)
    lengths = run_lengths(bitmap, *place, *size)
    assert unpacked(packed(lengths)) == lengths
    assert sum(lengths) == 60 * 70 or not lengths


@pytest.mark.parametrize("number", range(len(bitmaps())))
def test_polygons_enclose_the_bitmap_and_nothing_else(number: int) -> None:
    bitmap = bitmaps()[number]
    outlines = polygons(bitmap, 2, 3)
    assert sum(area(outline) for outline in outlines) == bitmap.sum(), "holes count against what is around them"
    scale, drawn = 4, np.zeros((4 * 60, 4 * 70), np.uint8)
    # Edges between pixels, drawn finer than pixels: what is filled is seen at the middle of each.
    cv2.fillPoly(drawn, [np.int32(outline * scale) for outline in outlines], 1)
    np.testing.assert_array_equal(drawn[2::scale, 2::scale], in_frame(bitmap, 2, 3, (60, 70)))


def area(outline: NDArray[np.float32]) -> float:
    """Above 0 where the outline runs clockwise, as y points down."""
    corners = [*outline.tolist(), outline[0].tolist()]
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(corners)) / 2

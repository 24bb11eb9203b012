"""Tiles fill the ground, each with its share of it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from zcc.web.report.treemap import squarified

ASPECT = 2.0


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_tiles_cover_the_ground_once_and_in_proportion(count: int) -> None:
    draw = random.Random(count)
    amounts = sorted((draw.expovariate(1) for _ in range(count)), reverse=True)
    areas = [amount / sum(amounts) for amount in amounts]
    tiles = squarified(areas, ASPECT)
    np.testing.assert_allclose([each.width * each.height for each in tiles], areas, rtol=1e-6)
    # Counted on a raster: every point lies in one tile.
    grid = (np.arange(97) + 0.5) / 97
    x, y = np.meshgrid(grid, grid)
    inside = [(t.x <= x) & (x < t.x + t.width) & (t.y <= y) & (y < t.y + t.height) for t in tiles]
    assert np.mean(np.sum(inside, axis=0) == 1) > 0.999


def test_tiles_are_near_to_squares() -> None:
    tiles = squarified([1 / 32] * 32, ASPECT)
    assert max(max(t.width * ASPECT / t.height, t.height / t.width / ASPECT) for t in tiles) < 2

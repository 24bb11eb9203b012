"""A squarified treemap: areas in proportion, each as near to a square as can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class TreemapTile(NamedTuple):
    """A rectangle within a unit square."""

    x: float
    y: float
    width: float
    height: float


def squarified(areas: Sequence[float], aspect: float) -> list[TreemapTile]:
    """Tiles for areas that fall and sum to 1, on a ground `aspect` times as wide as high."""
    tiles: list[TreemapTile] = []
    x, y, width, height, start = 0.0, 0.0, aspect, 1.0, 0
    while start < len(areas):
        side, end = min(width, height), start + 1
        scaled = [area * aspect for area in areas]
        while end < len(areas) and _worst(scaled[start : end + 1], side) <= _worst(scaled[start:end], side):
            end += 1
        depth = sum(scaled[start:end]) / side
        for area in scaled[start:end]:
            length = area / depth if depth else 0.0
            upright = width >= height
            tiles.append(TreemapTile(x, y, depth, length) if upright else TreemapTile(x, y, length, depth))
            x, y = (x, y + length) if upright else (x + length, y)
        if width >= height:
            x, y, width = x + depth, y - sum(scaled[start:end]) / depth if depth else y, width - depth
        else:
            x, y, height = x - sum(scaled[start:end]) / depth if depth else x, y + depth, height - depth
        start = end
    return [TreemapTile(each.x / aspect, each.y, each.width / aspect, each.height) for each in tiles]


def _worst(areas: Sequence[float], side: float) -> float:
    """How far the least square of a row of areas along a side is from a square."""
    total = sum(areas)
    if not total or not min(areas):
        return float("inf")
    return max(side**2 * max(areas) / total**2, total**2 / (side**2 * min(areas)))

"""Rotated boxes, compared by the area that they share, as DOTA's rules have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.shapes.shapes import Floats


@dataclass(frozen=True)
class RotatedShapes:
    """The corners of a picture's boxes, (n, 4, 2) in order around each."""

    corners: NDArray[Any]

    measure: ClassVar[str] = "rotated mAP50-95"

    def __len__(self) -> int:
        """How many."""
        return len(self.corners)

    def pick(self, rows: Any) -> RotatedShapes:
        """Some of them."""
        return RotatedShapes(self.corners[rows])

    def likeness(self, wanted: RotatedShapes, region: bool = False) -> Floats:
        """Intersection over union of polygons; of a region, the part of the box that lies in it."""
        mine, theirs = (np.asarray(each.corners, np.float64).reshape(-1, 4, 2) for each in (self, wanted))
        found = np.zeros((len(mine), len(theirs)))
        for i, j in zip(*np.nonzero(_may_meet(mine, theirs)), strict=True):
            shared = area(clipped(mine[i], theirs[j]))
            union = area(mine[i]) + (0.0 if region else area(theirs[j]) - shared)
            found[i, j] = shared / union if shared > 0 else 0.0
        return found


def _may_meet(mine: Floats, theirs: Floats) -> NDArray[np.bool_]:
    """Whose upright boxes overlap."""
    low = np.maximum(mine.min(1)[:, None], theirs.min(1)[None]) if len(mine) and len(theirs) else np.zeros((0, 0, 2))
    high = np.minimum(mine.max(1)[:, None], theirs.max(1)[None]) if len(mine) and len(theirs) else low
    return np.asarray((high > low).all(-1)).reshape(len(mine), len(theirs))


def area(corners: Floats) -> float:
    """The area of a polygon, whose corners may come either way round."""
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2 if len(corners) > 2 else 0.0


def clipped(polygon: Floats, window: Floats) -> Floats:
    """What of a convex polygon lies in a convex window: cut along one edge of it after the other."""
    turn = np.sign(_cross(window[1] - window[0], window[2] - window[1])) or 1.0
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if not len(polygon):
            break
        sides = turn * _cross(end - start, polygon - start)
        kept = []
        for here, there, side, next_side in zip(
            polygon, np.roll(polygon, -1, axis=0), sides, np.roll(sides, -1), strict=True
        ):
            if side >= 0:
                kept.append(here)
            if side * next_side < 0:
                kept.append(here + (there - here) * (side / (side - next_side)))
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def _cross(one: Floats, other: Floats) -> Any:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]

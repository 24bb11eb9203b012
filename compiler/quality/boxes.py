"""How much boxes overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def as_boxes(boxes: ArrayLike) -> Floats:
    """The boxes as (n, 4), also where there are none."""
    return np.asarray(boxes, np.float64).reshape(-1, 4)


def overlaps(boxes: Floats, others: Floats, region: bool = False) -> Floats:
    """Intersection over union of every pair; of a region, the part of the box that lies in it. Empty boxes share 0."""
    least = np.maximum(boxes[:, None, :2], others[None, :, :2])
    most = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(most - least, 0, None).prod(axis=2)
    union = _areas(boxes)[:, None] + (0.0 if region else _areas(others)[None, :] - shared)
    ratio: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return ratio


def _areas(boxes: Floats) -> Floats:
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides[:, 0] * sides[:, 1]

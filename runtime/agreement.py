"""How far two detectors see the same in a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.tasks.classification import Classification
from zcc.runtime.variant import Detections

SAME = 0.5  # the overlap from which on two boxes of a class are one


def agreement(one: Any, other: Any) -> float:
    """The share of detections, of both sides, that have a counterpart on the other: an F1 score, 1 where none are."""
    if isinstance(one, Classification):
        return float(one.top(1)[0][0] == other.top(1)[0][0])
    total = len(one) + len(other)
    return 2 * int((counterparts(one, other) >= 0).sum()) / total if total else 1.0


def counterparts(one: Detections, other: Detections) -> NDArray[np.int64]:
    """For each detection of one side that of the other which is the same, -1 where there is none.

    The surest choose first, each the free one of its class that overlaps it most.
    """
    partners = np.full(len(one), -1)
    if not len(one) or not len(other):
        return partners
    shares = _overlaps(one.boxes, other.boxes)
    shares[one.classes[:, None] != other.classes[None, :]] = 0.0
    for number, row in enumerate(shares):
        best = int(row.argmax())
        if row[best] >= SAME:
            partners[number] = best
            shares[:, best] = 0.0
    return partners


def _overlaps(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    corner = np.maximum(boxes[:, None, :2], others[None, :, :2])
    sides = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - corner
    common = np.prod(np.maximum(sides, 0), axis=2)
    union = _areas(boxes)[:, None] + _areas(others)[None] - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    areas: NDArray[np.float32] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return areas

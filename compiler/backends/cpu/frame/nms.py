"""Greedy non-maximum suppression by class, over candidates in order of score.

Each candidate is compared with the boxes kept so far, a vector at a time, and the walk ends when enough are
kept: the work is at most candidates times kept. Boxes of different classes never suppress each other. The
overlap is torchvision's: float32, areas from corners, no pixel added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.lanes import any_lane, rounded
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.scratch import variable

NO_LABEL = -1


@dataclass(frozen=True)
class Kept:
    """Buffers that hold the boxes kept so far, in input pixels; NO_LABEL fills up the last vector."""

    corners: Any  # float32 [5, capacity]: x1, y1, x2, y2, area
    labels: Any  # int32 [capacity]
    indices: Any  # int32 [capacity]: of the candidates that they are
    lanes: int


def _area(box: Any) -> Expr:
    return rounded((box[2] - box[0]) * (box[3] - box[1]))


def _suppresses(kept: Any, first: Expr, box: Any, area: Expr, label: Expr, iou: Expr) -> Expr:
    """Which of a vector of kept boxes overlap the box too much."""
    lanes = T.ramp(first, 1, kept.lanes)
    corner = [kept.corners[i, lanes] for i in range(5)]

    def extent(axis: int) -> Expr:
        overlap = T.min(wide(box[axis + 2]), corner[axis + 2]) - T.max(wide(box[axis]), corner[axis])
        return T.max(overlap, wide(T.float32(0)))

    def wide(value: Expr) -> Expr:
        return T.broadcast(value, kept.lanes)

    shared = rounded(extent(0) * extent(1))
    overlap = shared / ((wide(area) + corner[4]) - shared)
    return T.And(overlap > wide(iou), kept.labels[lanes] == wide(label))


@inline
def is_suppressed(kept: Any, count: Any, box: Any, label: Any, iou: Any, verdict: Any) -> None:
    """Whether a kept box of the same class overlaps the box by more than `iou`."""
    verdict[0] = T.bool(False)
    first = variable("int32")
    first[0] = 0
    area: T.let = _area(box)
    while first[0] < count and not verdict[0]:
        verdict[0] = any_lane(_suppresses(kept, first[0], box, area, label, iou))
        first[0] = first[0] + kept.lanes


@inline
def keep(kept: Any, count: Any, box: Any, label: Any, index: Any) -> None:
    """Put a box behind those kept so far."""
    if T.truncmod(count, kept.lanes) == 0:
        for lane in T.vectorized(kept.lanes):
            kept.labels[count + lane] = NO_LABEL
    for corner in T.unroll(4):
        kept.corners[corner, count] = box[corner]
    kept.corners[4, count] = _area(box)
    kept.labels[count] = label
    kept.indices[count] = index

"""Greedy class-aware non-maximum suppression in plain numpy, as the compiled kernel does it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.ir.heads.head import Head

Array = NDArray[Any]


def greedy_nms(head: Head, output: Array, most: int) -> Array:
    """The rows (x1, y1, x2, y2, score, class, details) left by a head's own thresholds, best first."""
    if head.suppression is None:
        raise ValueError("the head fixes no thresholds")
    rows = as_rows(head, output)
    rows = rows[rows[:, 4] > head.suppression.score]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    if head.finished:
        return rows[:most]
    kept: list[Array] = []
    while len(rows) and len(kept) < most:
        best, rows = rows[0], rows[1:]
        kept.append(best)
        rows = rows[(rows[:, 5] != best[5]) | (overlap(best, rows) <= head.suppression.iou)]
    return np.array(kept, np.float32).reshape(-1, 6 + head.details)


def as_rows(head: Head, output: Array) -> Array:
    """Every candidate with its best class, or with each of its classes."""
    candidates = np.asarray(output[0].T if head.candidates_last else output[0])
    boxes = candidates[:, :4]
    if not head.corners:
        centre, half = boxes[:, :2], boxes[:, 2:] / 2
        boxes = np.concatenate([centre - half, centre + half], 1)
    scores, details = candidates[:, head.first_score : head.first_detail], candidates[:, head.first_detail :]
    if head.objectness:
        scores = scores * candidates[:, 4:5]
    if head.every_class:
        labels = np.repeat(np.arange(head.classes), len(boxes))
        boxes, details = (np.tile(each, (head.classes, 1)) for each in (boxes, details))
        return np.column_stack([boxes, scores.T.ravel(), labels, details])
    label = scores.argmax(1)
    return np.column_stack([boxes, scores[np.arange(len(scores)), label], label, details])


def overlap(box: Array, others: Array) -> Array:
    """Intersection over union of a box with others."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:4])
    inner = np.clip(high - low, 0, None).prod(1)
    area = (box[2:4] - box[:2]).prod()
    union = area + (others[:, 2:4] - others[:, :2]).prod(1) - inner
    return np.asarray(inner / np.maximum(union, np.finfo(np.float32).tiny))

"""Keypoints, compared as COCO does: how near each is, in terms of the object's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import as_boxes
from zcc.compiler.quality.shapes.shapes import Floats

# How far people are apart who mark the seventeen keypoints of a body, in COCO's measure of them.
BODY = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
FILLED = 0.53  # of a box, by an object whose area nobody tells


def deviations(count: int) -> Floats:
    """How far apart a keypoint may be: COCO's for a body, the same for all of any other number."""
    return BODY if count == len(BODY) else np.full(count, 1 / count)


@dataclass(frozen=True)
class KeypointShapes:
    """The keypoints of a picture's objects, their boxes and their areas."""

    points: NDArray[Any]  # (n, k, 3): x, y, and above 0 where the keypoint is labelled
    boxes: Floats
    areas: Floats

    @classmethod
    def of(cls, points: NDArray[Any], boxes: NDArray[Any], areas: Floats | None = None) -> KeypointShapes:
        """The shapes; areas are part of their boxes where nobody tells."""
        boxes = as_boxes(boxes)
        if areas is None:
            areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) * FILLED
        return cls(np.asarray(points, np.float64), boxes, areas)

    measure: ClassVar[str] = "OKS mAP50-95"

    def __len__(self) -> int:
        """How many."""
        return len(self.points)

    def pick(self, rows: Any) -> KeypointShapes:
        """Some of them."""
        return KeypointShapes(self.points[rows], self.boxes[rows], self.areas[rows])

    def likeness(self, wanted: KeypointShapes, region: bool = False) -> Floats:
        """Object keypoint similarity. An object without keypoints is like all whose keypoints lie about its box."""
        found = np.zeros((len(self), len(wanted)))
        for number in range(len(wanted) if len(self) else 0):
            found[:, number] = self._like(wanted.pick(np.array([number])))
        return found

    def _like(self, wanted: KeypointShapes) -> Floats:
        target, box, area = wanted.points[0], wanted.boxes[0], wanted.areas[0]
        spread = (2 * deviations(len(target))) ** 2
        labelled = target[:, 2] > 0
        if labelled.any():
            away = ((self.points[:, :, :2] - target[None, :, :2]) ** 2).sum(2)[:, labelled]
            spread = spread[labelled]
        else:
            side = box[2:] - box[:2]
            low, high = box[:2] - side, box[2:] + side
            beyond = np.maximum(low - self.points[:, :, :2], 0) + np.maximum(self.points[:, :, :2] - high, 0)
            away = (beyond**2).sum(2)
        return np.asarray(np.exp(-away / spread / (area + np.spacing(1)) / 2).mean(1))

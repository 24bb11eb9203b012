"""The detections that a user would act on: those whose scores reach a usual threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import Floats, as_boxes
from zcc.compiler.quality.coco_map import DetectionArrays
from zcc.compiler.quality.shapes.of_result import shapes_of
from zcc.compiler.quality.shapes.shapes import Shapes

CONFIDENT = 0.25  # what a detector shows when nothing else is asked for


@dataclass(frozen=True)
class ConfidentDetections:
    """Detections in one picture, the surest first; they may stand for its labels."""

    boxes: Floats  # (n, 4) xyxy
    scores: Floats  # (n,)
    classes: NDArray[np.int64]  # (n,)
    shapes: Shapes | None = None  # what a task compares in the place of boxes

    @property
    def crowd(self) -> NDArray[np.bool_]:
        """None is a region of many objects."""
        return np.zeros(len(self.scores), bool)


def confident(found: DetectionArrays) -> ConfidentDetections:
    """What was found with a score of at least `CONFIDENT`."""
    scores = np.asarray(found.scores, np.float64)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= CONFIDENT]
    shapes = shapes_of(found)
    classes = np.asarray(found.classes, np.int64)[order]
    return ConfidentDetections(as_boxes(found.boxes)[order], scores[order], classes, shapes and shapes.pick(order))

"""Detections with keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections, Found

NUMBERS = 3  # of a keypoint: x, y, visibility


@dataclass(frozen=True, eq=False)
class Poses(Detections):
    """What was found in a frame, with its keypoints."""

    keypoints: NDArray[np.float32]  # (n, k, 3): x, y in pixels of the frame, and how visible, 1 where no model says it

    columns = (*Detections.columns, "keypoints")
    holds = ("keypoints",)

    def extras(self) -> list[dict[str, Any]]:
        """The keypoints."""
        return [{"keypoints": points} for points in self.keypoints.tolist()]


def poses(found: Found) -> Poses:
    """The result of a pose model."""
    count, numbers = found.task.shape
    points = found.details.reshape(-1, count, numbers)
    if numbers < NUMBERS:
        points = np.concatenate([points, np.ones((*points.shape[:2], 1), np.float32)], axis=2)
    return Poses(found.boxes, found.scores, found.classes, found.edges, points)

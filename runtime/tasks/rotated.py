"""Rotated boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.detections import Detections, Found


@dataclass(frozen=True, eq=False)
class RotatedDetections(Detections):
    """What was found in a frame, as boxes turned by an angle; `boxes` are the upright ones around them."""

    rotated: NDArray[np.float32]  # (n, 5): centre x, y, width, height in pixels of the frame, angle in radians

    columns = (*Detections.columns, "rotated")
    holds = ("rotated", "corners")

    def extras(self) -> list[dict[str, Any]]:
        """The rotated box and its corners."""
        pairs = zip(self.rotated.tolist(), self.corners.tolist(), strict=True)
        return [{"rotated": rotated, "corners": corners} for rotated, corners in pairs]

    @property
    def corners(self) -> NDArray[np.float32]:
        """The four corners of each, (n, 4, 2), in order around it; they may lie beyond the frame."""
        return corners(self.rotated)


def corners(rotated: NDArray[np.float32]) -> NDArray[np.float32]:
    """The corners (n, 4, 2) of boxes (n, 5)."""
    centre, (width, height, angle) = rotated[:, None, :2], rotated[:, 2:].T
    cosine, sine = np.cos(angle), np.sin(angle)
    along = np.stack([width * cosine, width * sine], 1)[:, None] / 2
    beside = np.stack([-height * sine, height * cosine], 1)[:, None] / 2
    parts = [along + beside, along - beside, -along - beside, -along + beside]
    return np.asarray(centre + np.concatenate(parts, axis=1), np.float32)


def rotated_detections(found: Found) -> RotatedDetections:
    """The result of a model of rotated boxes."""
    return RotatedDetections(found.boxes, found.scores, found.classes, found.edges, found.details)

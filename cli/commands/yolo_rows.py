"""What was found as YOLO's labels, each task's in its form; coordinates are parts of the picture's sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from zcc.commands.sightings import Sighting


def as_yolo(sighting: Sighting) -> str:
    """A line for each detection; of a classifier the probabilities and names' numbers of the likeliest classes."""
    height, width = sighting.picture.shape[:2]
    found: Any = sighting.found
    if hasattr(found, "probabilities"):
        return "".join(f"{score:.4f} {number}\n" for number, score in found.top(5))
    places = _places(found, np.array([width, height], np.float32))
    lines = zip(found.classes.tolist(), places, strict=True)
    return "".join(f"{number} {' '.join(f'{part:.6f}' for part in place)}\n" for number, place in lines)


def _places(found: Any, size: Any) -> Iterator[list[float]]:
    """The numbers behind each class."""
    if hasattr(found, "masks"):
        for number in range(len(found)):
            outlines = found.masks.polygons(number)
            longest = max(outlines, key=len, default=np.zeros((0, 2)))  # a line holds one outline
            yield (longest / size).ravel().tolist()
    elif hasattr(found, "corners"):
        yield from (found.corners / size).reshape(len(found), -1).tolist()
    else:
        boxes = found.boxes.reshape(-1, 2, 2) / size
        parts = np.concatenate([boxes.mean(1), boxes[:, 1] - boxes[:, 0]], axis=1)
        if hasattr(found, "keypoints"):
            points = found.keypoints / np.append(size, 1)
            parts = np.concatenate([parts, points.reshape(len(found), -1)], axis=1)
        yield from parts.tolist()

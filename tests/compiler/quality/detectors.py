"""Detections from a seed: a reference, and a candidate that moved some, lost some and dreamt some up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIZE = 200.0
CLASSES = 3


@dataclass(frozen=True)
class Found:
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int32]


def detections(rng: np.random.Generator, most: int = 12) -> Found:
    """Boxes of any size, some of them on top of each other, some empty, in random order."""
    count = int(rng.integers(0, most + 1))
    corners = rng.uniform(0, SIZE, (count, 2))
    sides = rng.uniform(0, SIZE / 3, (count, 2)) * rng.choice([0, 1, 1, 1], (count, 1))
    boxes = np.concatenate([corners, corners + sides], axis=1)
    boxes[rng.random(count) < 0.3] = boxes[:1] if count else 0.0
    return _found(boxes, rng.uniform(0, 1, count), rng.integers(0, CLASSES, count))


def changed(found: Found, rng: np.random.Generator, by: float) -> Found:
    """The same detections, each moved and scored anew by about so much, a tenth lost and a few added."""
    kept = rng.random(len(found.scores)) > 0.1
    boxes = found.boxes[kept] + by * SIZE / 20 * rng.standard_normal((int(kept.sum()), 4))
    scores = np.clip(found.scores[kept] + by * rng.standard_normal(int(kept.sum())), 0, 1)
    more = detections(rng, most=3)
    return _found(
        np.concatenate([boxes, more.boxes]),
        np.concatenate([scores, more.scores]),
        np.concatenate([found.classes[kept], more.classes]),
    )


def _found(boxes: NDArray[np.float64], scores: NDArray[np.float64], classes: NDArray[np.int64]) -> Found:
    return Found(boxes.astype(np.float32).reshape(-1, 4), scores.astype(np.float32), classes.astype(np.int32))

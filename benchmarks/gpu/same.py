"""Whether two detectors found the same things in a frame: to the bit, or closely."""

from __future__ import annotations

import numpy as np

from zcc.compiler.quality.boxes import overlaps
from zcc.runtime.detections import Detections

CLOSE = 0.9  # overlap of a box with its like
SCORES = 0.03  # that the scores of two likes may differ by


def identical(found: Detections, wanted: Detections) -> bool:
    """Whether boxes, scores and classes have the same bits, in the same order."""
    pairs = ((found.boxes, wanted.boxes), (found.scores, wanted.scores), (found.classes, wanted.classes))
    return all(np.array_equal(one, other) for one, other in pairs)


def strangers(found: Detections, wanted: Detections, conf: float) -> int:
    """How many boxes of either have no like in the other, save those that `conf` may have let through by a hair."""
    likes = overlaps(found.boxes.astype(np.float64), wanted.boxes.astype(np.float64)) >= CLOSE
    likes &= found.classes[:, None] == wanted.classes[None]
    likes &= np.abs(found.scores[:, None] - wanted.scores[None]) <= SCORES
    sure = found.scores > conf + SCORES, wanted.scores > conf + SCORES
    return int((sure[0] & ~likes.any(axis=1)).sum() + (sure[1] & ~likes.any(axis=0)).sum())

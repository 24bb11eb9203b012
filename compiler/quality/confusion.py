"""What is taken for what: precision, recall and the confusion matrix of detections that a user would act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import Floats, as_boxes, overlaps
from zcc.compiler.quality.coco_map import Labels
from zcc.compiler.quality.confident import CONFIDENT, ConfidentDetections

SAME = 0.5  # the overlap from which on a detection is of a label's object


@dataclass(frozen=True)
class Confusion:
    """How often a labelled class (row) was taken for a class (column); the last row and column are for nothing."""

    counts: NDArray[np.int64]

    @property
    def precision(self) -> Floats:
        """By class, the part of its detections that are right; not a number where there are none."""
        return _parts(self.counts.diagonal()[:-1], self.counts[:, :-1].sum(axis=0))

    @property
    def recall(self) -> Floats:
        """By class, the part of its labels that were found."""
        return _parts(self.counts.diagonal()[:-1], self.counts[:-1].sum(axis=1))

    def describe(self) -> dict[str, Any]:
        """The matrix, as users see it in `--json`."""
        return {"conf": CONFIDENT, "iou": SAME, "counts": self.counts.tolist()}


def confusion(pairs: Iterable[tuple[Labels, ConfidentDetections]], classes: int) -> Confusion:
    """Count over pictures; crowd regions, and what lies in them, do not count."""
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    for truth, found in pairs:
        crowd = np.asarray(truth.crowd, bool)
        boxes, kinds = as_boxes(truth.boxes)[~crowd], np.asarray(truth.classes, np.int64)[~crowd]
        partners = _pairs(overlaps(found.boxes, boxes))
        in_crowd = overlaps(found.boxes, as_boxes(truth.boxes)[crowd], region=True).max(axis=1, initial=0.0) >= SAME
        for place, label in enumerate(partners):
            if label >= 0:
                counts[kinds[label], found.classes[place]] += 1
            elif not in_crowd[place]:
                counts[classes, found.classes[place]] += 1
        missed = np.setdiff1d(np.arange(len(kinds)), partners)
        np.add.at(counts, (kinds[missed], classes), 1)
    return Confusion(counts)


def _pairs(shares: Floats) -> NDArray[np.int64]:
    """For each detection its label, -1 where it has none: those that overlap most find each other first."""
    partners = np.full(len(shares), -1)
    shares = shares.copy()
    while shares.size and shares.max() >= SAME:
        detection, label = np.unravel_index(shares.argmax(), shares.shape)
        partners[detection] = label
        shares[detection, :] = shares[:, label] = -1.0
    return partners


def _parts(some: NDArray[np.int64], all_of: NDArray[np.int64]) -> Floats:
    return np.divide(some, all_of, out=np.full(len(some), np.nan), where=all_of > 0)

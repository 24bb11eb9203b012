"""What candidates are held against: what a reference said about the pictures, taken once."""

from __future__ import annotations

from collections.abc import Sequence

from zcc.compiler.quality.class_order import doubt
from zcc.compiler.quality.coco_map import Labels, MeanAveragePrecision, mean_average_precision
from zcc.compiler.quality.comparison import Comparison
from zcc.compiler.quality.confident import ConfidentDetections, confident
from zcc.compiler.quality.drift import confidence_drift
from zcc.compiler.quality.evaluate import Detect, look
from zcc.compiler.quality.pictures import Pictures
from zcc.runtime.errors import DatasetError


class NothingFound(DatasetError):
    """There are neither labels nor detections of the reference to hold anything against."""


class Standard:
    """A reference on some pictures: its precision, and what it is sure of."""

    def __init__(self, reference: Detect, pictures: Pictures) -> None:
        self.seen = seen = look(reference, pictures.frames)
        self.pictures = pictures
        self._sure = [confident(found) for found in seen]
        self._labels = _labels(pictures, self._sure)
        self.precision: MeanAveragePrecision = mean_average_precision(self._labels, seen)
        # A warning about the labels, where they seem to mean other classes than the reference does.
        self.doubt = None if pictures.labels is None else doubt(pictures.labels, seen, pictures.classes)

    def compare(self, candidate: Detect) -> Comparison:
        """Look at every picture with the candidate too."""
        seen = look(candidate, self.pictures.frames)
        sure = [confident(found) for found in seen]
        return Comparison(
            pictures=self.pictures,
            reference=self.precision,
            candidate=mean_average_precision(self._labels, seen),
            drift=confidence_drift(self._sure, sure),
            sure=tuple(zip(self._sure, sure, strict=True)),
        )


def _labels(pictures: Pictures, found: Sequence[ConfidentDetections]) -> Sequence[Labels]:
    """What is in the pictures: their labels, else what the reference is sure of."""
    if pictures.labels is not None:
        return pictures.labels
    if not any(len(each.scores) for each in found):
        raise NothingFound(
            f"{pictures.place} has no labels, and the reference finds nothing in it to agree with",
            "give pictures of what the model was trained for, or go without a bar: --max-drop 100",
        )
    return found

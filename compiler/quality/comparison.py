"""What changes where one detector takes another's place: precision in all and per class, and confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from zcc.compiler.quality.coco_map import MeanAveragePrecision
from zcc.compiler.quality.confident import ConfidentDetections
from zcc.compiler.quality.drift import Drift
from zcc.compiler.quality.pictures import Pictures

POINTS = 100.0  # in the whole range of a precision


def in_points(change: float) -> str:
    """A change of precision, for people."""
    return f"{round(change, 2) + 0.0:+.2f}"  # no -0.00


@dataclass(frozen=True)
class Comparison:
    """A candidate against a reference on the same pictures; losses and changes are in points of 0..100."""

    pictures: Pictures
    reference: MeanAveragePrecision
    candidate: MeanAveragePrecision
    drift: Drift
    sure: Sequence[tuple[ConfidentDetections, ConfidentDetections]] = ()  # what each is sure of, picture by picture

    @property
    def labelled(self) -> bool:
        """Whether precision is against labels; else it is agreement with the reference's own detections."""
        return self.pictures.labels is not None

    @property
    def drop(self) -> float:
        """The points of mAP50-95 that the candidate loses; less than 0 where it gains."""
        return POINTS * (self.reference.map50_95 - self.candidate.map50_95)

    @property
    def drop50(self) -> float:
        """The points of mAP50 that the candidate loses."""
        return POINTS * (self.reference.map50 - self.candidate.map50)

    @cached_property
    def changes(self) -> Mapping[int, float]:
        """By how many points of mAP50-95 each labelled class changes, those that lose most first."""
        before, after = self.reference.per_class, self.candidate.per_class
        changes = {kind: POINTS * (after[kind].map50_95 - before[kind].map50_95) for kind in before}
        return dict(sorted(changes.items(), key=lambda item: item[1]))

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Every figure, as users see it in `--json`."""
        return {
            "truth": "labels" if self.labelled else "detections of the reference",
            "images": self.pictures.count,
            "map50": self.candidate.map50,
            "map50_95": self.candidate.map50_95,
            "reference_map50": self.reference.map50,
            "reference_map50_95": self.reference.map50_95,
            "drop_map50": self.drop50,
            "drop_map50_95": self.drop,
            "drift": asdict(self.drift),
            "class_changes": {names[kind]: change for kind, change in self.changes.items()},
        }

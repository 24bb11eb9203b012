"""The accuracy gate: what a variant may lose against the reference, and whether it keeps to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zcc.compiler.quality.comparison import Comparison, in_points
from zcc.compiler.quality.evaluate import Detect
from zcc.compiler.quality.standard import Standard
from zcc.runtime.errors import DatasetError, UsageError

SLACK = 1e-9  # points; what adding up floats may cost


@dataclass(frozen=True)
class Verdict:
    """What a candidate loses, and whether that is within the bar."""

    comparison: Comparison
    max_drop: float  # points of mAP50-95

    @property
    def holds(self) -> bool:
        """Whether the candidate loses no more than it may."""
        return self.comparison.drop <= self.max_drop + SLACK

    def message(self, names: Sequence[str]) -> str:
        """What was lost, how near that is to the bar, and which class lost most of it."""
        found, seen = self.comparison, self.comparison.pictures
        measure = found.reference.measure if found.labelled else f"{found.reference.measure} of agreement"
        kind, change = next(iter(found.changes.items()))
        beyond = "within" if self.holds else f"{found.drop - self.max_drop:.2f} beyond"
        return (
            f"{in_points(-found.drop)} points of {measure} on {seen.count} pictures of {seen.place} "
            f"({found.reference.map50_95:.3f} -> {found.candidate.map50_95:.3f}), "
            f"{beyond} the {self.max_drop:g} that may be lost; {names[kind]} fares worst with {in_points(change)}"
        )


def judge(standard: Standard, candidate: Detect, max_drop: float) -> Verdict:
    """Hold a candidate to the standard; `max_drop` is in points of mAP50-95."""
    if not max_drop >= 0:
        raise UsageError(f"a drop of at most {max_drop} points is no bar", "give 0 or more")
    if not standard.precision.map50 > 0:
        raise DatasetError(
            f"the reference finds nothing of what {standard.pictures.place} labels, so nothing could be lost",
            "check that the labels number the classes as the model does",
        )
    return Verdict(standard.compare(candidate), max_drop)

"""What each of several variants loses against the most accurate of them, from what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from zcc.runtime.source import Candidate

POINTS = 100.0  # in the whole range of a precision
ACCURACIES = ("map50_95", "agreement50_95")  # against labels before agreement with another variant
DROP = "drop_map50_95"  # in points, against what computes in full precision
FULL = "fp32"


def points_lost(candidates: Sequence[Candidate]) -> list[float | None]:
    """The points of mAP50-95 that each loses against the most accurate; None where nobody measured it."""
    if len(candidates) == 1:
        return [0.0]  # against itself
    accuracies = _comparable(candidates)
    best = max(accuracies.values(), default=0.0)
    lost = [
        POINTS * (best - accuracies[number]) if number in accuracies else _drop(candidate)
        for number, candidate in enumerate(candidates)
    ]
    least = min((points for points in lost if points is not None), default=0.0)
    return [None if points is None else points - least for points in lost]


def _comparable(candidates: Sequence[Candidate]) -> dict[int, float]:
    """The accuracies of those that were measured in one way: most of them, and against labels where that is equal."""
    groups: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for metric in ACCURACIES:
        for number, candidate in enumerate(candidates):
            for figure in candidate.figures(metric):
                groups[metric, figure.how][number] = figure.value
    largest = max(groups.values(), key=len, default={})
    return largest if len(largest) > 1 else {}


def _drop(candidate: Candidate) -> float | None:
    measured = candidate.figure(DROP)
    return 0.0 if measured is None and candidate.manifest.dtype == FULL else measured

"""What each of several variants loses against the most accurate of them, from what was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from zcc.runtime.source import Candidate

POINTS = 100.0  # in the whole range of a precision
ACCURACIES = ("map50_95", "agreement50_95")  # against labels before agreement with another variant
DROP = "drop_map50_95"  # in points, against what computes in full precision
FULL = "fp32"


def points_lost(candidates: Sequence[Candidate]) -> list[float | None]:
    """The points of mAP50-95 that each loses against the most accurate; None where that is not known.

    What was measured in different ways is not compared: the way is taken that most of them were measured in.
    """
    if len(candidates) == 1:
        return [0.0]  # against itself
    lost = max((*_alike(candidates), _drops(candidates)), key=len)
    least = min(lost.values(), default=0.0)
    return [lost[number] - least if number in lost else None for number in range(len(candidates))]


def _alike(candidates: Sequence[Candidate]) -> Iterator[Mapping[int, float]]:
    """What several lack of full accuracy, measured in the same way on the same pictures."""
    groups: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for metric in ACCURACIES:
        for number, candidate in enumerate(candidates):
            for figure in candidate.figures(metric):
                groups[metric, figure.how][number] = POINTS * (1 - figure.value)
    return (group for group in groups.values() if len(group) > 1)


def _drops(candidates: Sequence[Candidate]) -> Mapping[int, float]:
    """What each was found to lose against full precision, which by itself loses nothing."""
    drops = {number: candidate.figure(DROP) for number, candidate in enumerate(candidates)}
    full = {number: 0.0 for number, candidate in enumerate(candidates) if candidate.manifest.dtype == FULL}
    return {**full, **{number: drop for number, drop in drops.items() if drop is not None}}

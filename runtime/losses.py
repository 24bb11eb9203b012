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

    What was measured in different ways is not compared: the way is taken that most of them were measured in. Figures
    from elsewhere count only where there is nothing else: all were built elsewhere, and none was measured here.
    """
    if len(candidates) == 1:
        return [0.0]  # against itself
    here = _points(candidates, here=True)
    strangers = all(candidate.foreign for candidate in candidates) and all(lost is None for lost in here)
    return _points(candidates, here=False) if strangers else here


def _points(candidates: Sequence[Candidate], here: bool) -> list[float | None]:
    lost = max((*_alike(candidates, here), _drops(candidates, here)), key=len)
    least = min(lost.values(), default=0.0)
    return [lost[number] - least if number in lost else None for number in range(len(candidates))]


def _alike(candidates: Sequence[Candidate], here: bool) -> Iterator[Mapping[int, float]]:
    """What several lack of full accuracy, measured in the same way on the same pictures."""
    groups: defaultdict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for metric in ACCURACIES:
        for number, candidate in enumerate(candidates):
            for figure in candidate.figures(metric, here):
                groups[metric, figure.how][number] = POINTS * (1 - figure.value)
    return (group for group in groups.values() if len(group) > 1)


def _drops(candidates: Sequence[Candidate], here: bool) -> Mapping[int, float]:
    """What each was found to lose against full precision, which by itself loses nothing."""
    drops = {number: candidate.figure(DROP, here) for number, candidate in enumerate(candidates)}
    full = {
        number: 0.0
        for number, candidate in enumerate(candidates)
        if candidate.manifest.dtype == FULL and not (here and candidate.foreign)
    }
    return {**full, **{number: drop for number, drop in drops.items() if drop is not None}}

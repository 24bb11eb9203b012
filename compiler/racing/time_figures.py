"""Times as the field tells them: mean, standard deviation, least, most, median and percentiles."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

import numpy as np

CONFIDENCE = 0.95  # that the true median ratio lies within what is told
FEWEST_ROUNDS = 6  # of fewer, no two say anything with that confidence


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Every figure of some runs, in milliseconds; the `spread` is that of the middle half."""
    taken = 1e3 * np.asarray(seconds, np.float64)
    p25, p50, p75, p95, p99 = np.percentile(taken, (25, 50, 75, 95, 99))
    figures = {
        "mean": taken.mean(), "std": taken.std(ddof=1) if len(taken) > 1 else 0.0, "min": taken.min(),
        "max": taken.max(), "median": p50, "p95": p95, "p99": p99, "spread": p75 - p25,
    }  # fmt: skip
    return {**{name: round(float(value), 4) for name, value in figures.items()}, "runs": len(taken)}


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Between what the true median lies, with CONFIDENCE, whatever the values' distribution: two of the values.

    Of fewer than FEWEST_ROUNDS values it is the least and the largest, which say less.
    """
    ordered, count = sorted(values), len(values)
    outside, depth = 0.0, 0
    while depth < count // 2:
        outside += 2 * comb(count, depth) / 2**count  # that so few values lie on one side of the median
        if outside > 1 - CONFIDENCE:
            break
        depth += 1
    depth = max(depth, 1)
    return ordered[depth - 1], ordered[-depth]


def ratio(theirs: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]) -> dict[str, float | bool]:
    """How many times our time the other takes, of rounds in which both ran, and whether that is more than noise.

    What slows a machine down lasts longer than a round, so rounds are compared one by one.
    """
    rounds = [statistics.median(their) / statistics.median(our) for their, our in zip(theirs, ours, strict=True)]
    low, high = median_interval(rounds)
    return {
        "ratio": round(statistics.median(rounds), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "rounds": len(rounds),
        "more_than_noise": len(rounds) >= FEWEST_ROUNDS and not low <= 1 <= high,
    }


def uncertainty(told: Mapping[str, Any]) -> float:
    """How far a ratio may be off, as a share of itself to either side."""
    return float((told["high"] - told["low"]) / 2 / told["ratio"])

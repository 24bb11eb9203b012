"""Confidence drift against plain loops, on random detections and on the ones that break implementations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.compiler.quality.detectors import Found, changed, detections
from zcc.compiler.quality.confident import confident
from zcc.compiler.quality.drift import Drift, confidence_drift


def drift(reference: Sequence[Found], candidate: Sequence[Found]) -> Drift:
    return confidence_drift([confident(each) for each in reference], [confident(each) for each in candidate])


def by_loops(reference: Sequence[Found], candidate: Sequence[Found]) -> tuple[list[float], int, int]:
    """The score differences of matched detections, and how many stand alone on either side."""
    differences, lost, gained = [], 0, 0
    for mine, theirs in zip(reference, candidate, strict=True):
        ones, others = by_score(mine), by_score(theirs)
        for box, score, kind in ones:
            best, best_overlap = None, 0.0
            for other in others:
                overlap = iou(box, other[0])
                if other[2] == kind and overlap >= 0.5 and overlap > best_overlap:
                    best, best_overlap = other, overlap
            if best is None:
                lost += 1
            else:
                differences.append(abs(score - best[1]))
                others.remove(best)
        gained += len(others)
    return differences, lost, gained


def by_score(found: Found) -> list[tuple[tuple[float, ...], float, int]]:
    rows = [
        (tuple(map(float, box)), float(score), int(kind))
        for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True)
        if score >= 0.25
    ]
    return sorted(rows, key=lambda row: -row[1])


def iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (areas[0] + areas[1] - width * height)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), by=st.sampled_from([0.0, 0.02, 0.2, 1.0]), images=st.integers(1, 4))
def test_it_is_what_plain_loops_say(seed: int, by: float, images: int) -> None:
    rng = np.random.default_rng(seed)
    reference = [detections(rng) for _ in range(images)]
    candidate = [changed(found, rng, by) for found in reference]
    differences, lost, gained = by_loops(reference, candidate)
    told = drift(reference, candidate)
    assert (told.matched, told.lost, told.gained) == (len(differences), lost, gained)
    if differences:
        assert told.mean == pytest.approx(sum(differences) / len(differences))
        assert told.p95 == pytest.approx(np.percentile(differences, 95))
    else:
        assert told.mean is None and told.p95 is None


def one(box: tuple[float, ...], score: float, kind: int = 0) -> Found:
    return Found(np.array([box], np.float32), np.array([score], np.float32), np.array([kind], np.int32))


BOX = (10.0, 10.0, 50.0, 50.0)
NOTHING = Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


def test_a_score_that_moved_is_drift_whichever_way() -> None:
    told = drift([one(BOX, 0.5), one(BOX, 0.5)], [one(BOX, 0.75), one(BOX, 0.375)])
    assert told == Drift(mean=0.1875, p95=pytest.approx(0.24375), matched=2, lost=0, gained=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("candidate", "lost", "gained"),
    [
        (NOTHING, 1, 0),
        (one(BOX, 0.5, kind=1), 1, 1),
        (one((40, 40, 80, 80), 0.5), 1, 1),
        (one(BOX, 0.24), 1, 0),
    ],
    ids=["nothing", "another class", "another place", "below the threshold"],
)
def test_what_has_no_counterpart_is_counted_apart(candidate: Found, lost: int, gained: int) -> None:
    assert drift([one(BOX, 0.5)], [candidate]) == Drift(None, None, 0, lost, gained)


def test_half_an_overlap_is_enough_and_the_threshold_counts() -> None:
    half = (10.0, 10.0, 50.0, 30.0)
    assert drift([one(BOX, 0.25)], [one(half, 0.25)]) == Drift(0.0, 0.0, 1, 0, 0)


def test_nothing_on_either_side_is_no_drift() -> None:
    assert drift([NOTHING], [NOTHING]) == Drift(None, None, 0, 0, 0)
    assert drift([], []) == Drift(None, None, 0, 0, 0)


def test_detectors_must_have_seen_the_same_pictures() -> None:
    with pytest.raises(ValueError):
        drift([NOTHING], [])

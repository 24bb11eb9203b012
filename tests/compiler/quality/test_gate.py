"""The gate: precision and drift of a candidate against a reference, with labels and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.quality.detectors import CLASSES, Found, changed, detections
from zcc.compiler.quality.bar import Bar
from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.compiler.quality.comparison import Comparison
from zcc.compiler.quality.confident import confident
from zcc.compiler.quality.drift import confidence_drift
from zcc.compiler.quality.figures import comparison_figures, precision_figures
from zcc.compiler.quality.gate import Verdict, judge
from zcc.compiler.quality.pictures import Pictures
from zcc.compiler.quality.standard import NothingFound, Standard
from zcc.runtime.errors import DatasetError, UsageError

COUNT = 12
NAMES = tuple(f"kind{number}" for number in range(CLASSES))
FRAMES = [np.full((1, 1, 3), number, np.uint8) for number in range(COUNT)]


@dataclass(frozen=True)
class Labels:
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    shapes: None = None


def detector(seen: Sequence[Found]) -> Callable[[NDArray[np.uint8]], Found]:
    """Says what was seen in the frame of that number."""
    return lambda frame: seen[int(frame[0, 0, 0])]


def blind(_: NDArray[np.uint8]) -> Found:
    return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


def labels_of(found: Found) -> Labels:
    """What is surely there, in a plain loop."""
    rows = [
        (box, kind) for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True) if score >= 0.25
    ]
    boxes = np.array([box for box, _ in rows], np.float64).reshape(-1, 4)
    return Labels(boxes, np.array([kind for _, kind in rows], np.int64), np.zeros(len(rows), bool))


@pytest.fixture(scope="module")
def seen() -> list[Found]:
    rng = np.random.default_rng(1)
    return [detections(rng) for _ in range(COUNT)]


@pytest.fixture(scope="module")
def moved(seen: list[Found]) -> list[Found]:
    rng = np.random.default_rng(2)
    return [changed(found, rng, 0.1) for found in seen]


@pytest.fixture(scope="module")
def labels(seen: list[Found]) -> list[Labels]:
    """What is there: near to what the reference sees."""
    rng = np.random.default_rng(3)
    return [labels_of(changed(found, rng, 0.05)) for found in seen]


def test_with_labels_both_are_measured_against_them(
    seen: list[Found], moved: list[Found], labels: list[Labels]
) -> None:
    found = Standard(detector(seen), Pictures("val", FRAMES, COUNT, "", labels)).compare(detector(moved))
    before, after = mean_average_precision(labels, seen), mean_average_precision(labels, moved)
    assert (found.reference, found.candidate) == (before, after)
    assert found.labelled
    assert found.drop == pytest.approx(100 * (before.map50_95 - after.map50_95))
    assert found.drop50 == pytest.approx(100 * (before.map50 - after.map50))
    assert found.changes == {
        kind: pytest.approx(100 * (after.per_class[kind].map50_95 - before.per_class[kind].map50_95))
        for kind in before.per_class
    }
    assert list(found.changes.values()) == sorted(found.changes.values())
    assert found.drift == confidence_drift([confident(each) for each in seen], [confident(each) for each in moved])


def test_without_labels_what_the_reference_is_sure_of_stands_for_them(seen: list[Found], moved: list[Found]) -> None:
    found = Standard(detector(seen), Pictures("plain", FRAMES, COUNT, "")).compare(detector(moved))
    assert not found.labelled
    assert found.candidate == mean_average_precision([labels_of(each) for each in seen], moved)


def test_a_detector_agrees_with_itself() -> None:
    # Empty boxes overlap nothing, themselves included, so here there are none.
    boxes = np.array([[0, 0, 20, 20], [5, 5, 60, 70], [90, 90, 95, 99]], np.float32)
    itself = detector([Found(boxes, np.array([0.9, 0.25, 0.1], np.float32), np.arange(3, dtype=np.int32))] * COUNT)
    verdict = judge(Standard(itself, Pictures("plain", FRAMES, COUNT, "")), itself, max_drop=0.0)
    assert verdict.holds
    assert verdict.comparison.candidate.map50_95 == pytest.approx(1.0)
    assert set(verdict.comparison.changes) == {0, 1}
    assert asdict(verdict.comparison.drift) == {"mean": 0.0, "p95": 0.0, "matched": 2 * COUNT, "lost": 0, "gained": 0}


def test_every_picture_is_seen_once_by_each(seen: list[Found], labels: list[Labels]) -> None:
    calls: list[int] = []

    def counting(frame: NDArray[np.uint8]) -> Found:
        calls.append(int(frame[0, 0, 0]))
        return seen[calls[-1]]

    standard = Standard(counting, Pictures("val", FRAMES, COUNT, "", labels))
    for _ in range(2):
        judge(standard, counting, max_drop=1.0)
    assert calls == 3 * [*range(COUNT)]


@pytest.fixture(scope="module")
def comparison(seen: list[Found], moved: list[Found], labels: list[Labels]) -> Comparison:
    return Standard(detector(seen), Pictures("val", FRAMES, COUNT, "", labels)).compare(detector(moved))


def test_the_bar_is_the_most_that_may_be_lost(comparison: Comparison) -> None:
    assert comparison.drop > 1
    assert Verdict(comparison, comparison.drop).holds
    assert Verdict(comparison, comparison.drop + 0.1).holds
    assert not Verdict(comparison, comparison.drop - 0.1).holds


def test_a_gain_always_holds(seen: list[Found], moved: list[Found], labels: list[Labels]) -> None:
    standard = Standard(detector(moved), Pictures("val", FRAMES, COUNT, "", labels))
    verdict = judge(standard, detector(seen), max_drop=0.0)
    assert verdict.comparison.drop < 0
    assert verdict.holds
    assert verdict.message(NAMES).startswith("+")


def test_the_message_says_how_near_it_came_and_where_it_went(comparison: Comparison) -> None:
    told = Verdict(comparison, comparison.drop - 0.25).message(NAMES)
    kind = min(comparison.changes, key=lambda kind: comparison.changes[kind])
    for word in (f"-{comparison.drop:.2f} points of mAP50-95", "12 pictures of val", "0.25 beyond", NAMES[kind]):
        assert word in told
    assert "within the 99" in Verdict(comparison, 99).message(NAMES)


def test_a_blind_candidate_loses_everything_and_has_no_drift(seen: list[Found], labels: list[Labels]) -> None:
    standard = Standard(detector(seen), Pictures("val", FRAMES, COUNT, "", labels))
    verdict = judge(standard, blind, max_drop=50)
    assert verdict.comparison.drop == pytest.approx(100 * standard.precision.map50_95)
    figures = {each.metric: each.value for each in comparison_figures(verdict.comparison, "fp32", NAMES)}
    assert figures["detections_lost"] == sum((found.scores >= 0.25).sum() for found in seen)
    assert figures["detections_matched"] == 0
    assert not {"drift_mean", "drift_p95"} & set(figures)


def test_every_figure_can_be_written_down(comparison: Comparison, seen: list[Found], labels: list[Labels]) -> None:
    figures = {each.metric: each for each in comparison_figures(comparison, "fp32", NAMES)}
    values = {metric: figure.value for metric, figure in figures.items()}
    assert values == {
        "map50": comparison.candidate.map50,
        "map50_95": comparison.candidate.map50_95,
        "drop_map50": comparison.drop50,
        "drop_map50_95": comparison.drop,
        "worst_class_change": min(comparison.changes.values()),
        "drift_mean": comparison.drift.mean,
        "drift_p95": comparison.drift.p95,
        "detections_matched": comparison.drift.matched,
        "detections_lost": comparison.drift.lost,
        "detections_gained": comparison.drift.gained,
    }
    assert all("12 pictures of val" in figure.how for figure in figures.values())
    json.dumps([comparison.describe(NAMES), values], allow_nan=False)
    own = precision_figures(comparison.reference, Pictures("val", FRAMES, COUNT, "", labels))
    assert {each.metric: each.value for each in own} == {
        "map50": comparison.reference.map50,
        "map50_95": comparison.reference.map50_95,
    }


def test_agreement_is_never_called_precision(comparison: Comparison) -> None:
    unlabelled = replace(comparison, pictures=Pictures("plain", FRAMES, COUNT, ""))
    metrics = {each.metric for each in comparison_figures(unlabelled, "fp32", NAMES)}
    assert {"agreement50", "agreement50_95"} <= metrics
    assert not {"map50", "map50_95"} & metrics
    assert "of agreement" in Verdict(unlabelled, 0).message(NAMES)


def test_nothing_to_agree_with_is_an_error() -> None:
    with pytest.raises(DatasetError, match="plain has no labels, and the reference finds nothing"):
        Standard(blind, Pictures("plain", FRAMES, COUNT, ""))


def test_a_reference_is_built_once_however_many_variants_have_nothing_to_agree_with() -> None:
    built = []
    bar = Bar(Pictures("plain", FRAMES, COUNT, ""), 1.0, lambda: built.append(blind) or blind, asked=False)
    for _ in range(2):
        with pytest.raises(NothingFound):
            bar.judge(blind)
    assert len(built) == 1


def test_a_reference_that_finds_nothing_is_no_standard(labels: list[Labels]) -> None:
    with pytest.raises(DatasetError, match="the reference finds nothing of what val labels"):
        judge(Standard(blind, Pictures("val", FRAMES, COUNT, "", labels)), blind, max_drop=0.5)


@pytest.mark.parametrize("bar", [-0.1, float("nan")])
def test_a_bar_that_is_none_is_refused(seen: list[Found], bar: Any) -> None:
    with pytest.raises(UsageError, match="is no bar"):
        judge(Standard(detector(seen), Pictures("plain", FRAMES, COUNT, "")), detector(seen), bar)

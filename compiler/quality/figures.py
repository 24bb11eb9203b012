"""Accuracy as figures that are kept with an artifact, and how they were got."""

from __future__ import annotations

from zcc.compiler.quality.coco_map import BOXES, TOP, MeanAveragePrecision
from zcc.compiler.quality.comparison import Comparison
from zcc.compiler.quality.confident import CONFIDENT
from zcc.compiler.quality.drift import SAME
from zcc.compiler.quality.evaluate import CONFIDENCE, IOU
from zcc.compiler.quality.pictures import Pictures
from zcc.runtime.manifest import Measurement


def precision_figures(precision: MeanAveragePrecision, pictures: Pictures) -> list[Measurement]:
    """mAP50 and mAP50-95 against the labels of the pictures."""
    if precision.measure == TOP:
        return [Measurement("top1", precision.map50_95, f"the likeliest class, {_seen(pictures)}")]
    how = f"COCO, {_of(precision)}{_seen(pictures)}, conf {CONFIDENCE}, iou {IOU}"
    return [Measurement("map50", precision.map50, how), Measurement("map50_95", precision.map50_95, how)]


def comparison_figures(comparison: Comparison, reference: str, names: tuple[str, ...]) -> list[Measurement]:
    """Everything that a comparison tells; `reference` says in a word or two what it was held against."""
    return [*_precision(comparison, reference), *_losses(comparison, reference, names), *_drift(comparison, reference)]


def _of(precision: MeanAveragePrecision) -> str:
    """What was compared, where that is more than boxes."""
    return "" if precision.measure == BOXES else f"{precision.measure}, "


def _seen(pictures: Pictures) -> str:
    return f"{pictures.count} pictures of {pictures.place}"


def _precision(comparison: Comparison, reference: str) -> list[Measurement]:
    """Agreement has names of its own, so that nobody takes it for precision."""
    if comparison.labelled:
        return precision_figures(comparison.candidate, comparison.pictures)
    taken = f"the detections of {reference} above {CONFIDENT} taken for labels"
    how = f"COCO, {_of(comparison.candidate)}{taken}, {_seen(comparison.pictures)}"
    found = comparison.candidate
    return [Measurement("agreement50", found.map50, how), Measurement("agreement50_95", found.map50_95, how)]


def _losses(comparison: Comparison, reference: str, names: tuple[str, ...]) -> list[Measurement]:
    kind, change = next(iter(comparison.changes.items()))
    before, seen = comparison.reference, _seen(comparison.pictures)
    return [
        Measurement("drop_map50", comparison.drop50, f"points lost, {reference} has {before.map50:.4f}, {seen}"),
        Measurement("drop_map50_95", comparison.drop, f"points lost, {reference} has {before.map50_95:.4f}, {seen}"),
        Measurement("worst_class_change", change, f"points of mAP50-95 of {names[kind]}, against {reference}, {seen}"),
    ]


def _drift(comparison: Comparison, reference: str) -> list[Measurement]:
    """Where nothing matched there is no drift, but much that was lost."""
    drift = comparison.drift
    how = (
        f"against {reference}, score {CONFIDENT} or more, same class, IoU at least {SAME}, {_seen(comparison.pictures)}"
    )
    moves = {"drift_mean": drift.mean, "drift_p95": drift.p95}
    counts = {"detections_matched": drift.matched, "detections_lost": drift.lost, "detections_gained": drift.gained}
    return [
        *(
            Measurement(metric, value, f"of |score differences|, {how}")
            for metric, value in moves.items()
            if value is not None
        ),
        *(Measurement(metric, float(value), how) for metric, value in counts.items()),
    ]

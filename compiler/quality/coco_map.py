"""COCO mean average precision: ten IoU thresholds, 101 recall points, 100 detections per image and class.

Written from the definition; the tests hold it to pycocotools. Crowd regions, as COCO marks them, absorb any
number of detections and count neither for nor against.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.quality.boxes import Floats, as_boxes, overlaps
from zcc.compiler.quality.shapes.of_result import shapes_of
from zcc.compiler.quality.shapes.shapes import Shapes
from zcc.compiler.quality.top_class import TopClass

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
MOST_DETECTIONS = 100  # of a picture, as COCO counts
BOXES, TOP = "mAP50-95", "top-1"

Flags = NDArray[np.bool_]


class DetectionArrays(Protocol):
    """What a detector said about one image: boxes (n, 4) xyxy, scores (n,), classes (n,)."""

    @property
    def boxes(self) -> NDArray[Any]: ...
    @property
    def scores(self) -> NDArray[Any]: ...
    @property
    def classes(self) -> NDArray[Any]: ...


class Labels(Protocol):
    """What is in one image: boxes (n, 4) xyxy, classes (n,), which are crowd regions (n,), and a task's shapes."""

    @property
    def boxes(self) -> NDArray[Any]: ...
    @property
    def classes(self) -> NDArray[Any]: ...
    @property
    def crowd(self) -> NDArray[np.bool_]: ...
    @property
    def shapes(self) -> Shapes | None: ...


@dataclass(frozen=True)
class AveragePrecision:
    """The average precision of one class, 0..1."""

    map50: float
    map50_95: float


@dataclass(frozen=True)
class MeanAveragePrecision:
    """The mean over the classes that have labels, 0..1, and each of them; not a number when none has."""

    map50: float
    map50_95: float
    per_class: Mapping[int, AveragePrecision]
    measure: str = BOXES  # what map50_95 is called


@dataclass(frozen=True)
class Match:
    """One class in one image: D detections, best first, judged at T thresholds."""

    scores: Floats  # (D,)
    hit: Flags  # (T, D) took a label
    ignored: Flags  # (T, D) fell into a crowd region
    wanted: int  # labels to find


Judged = Mapping[int, Match]  # one image, by class


def mean_average_precision(labels: Sequence[Labels], detections: Sequence[DetectionArrays]) -> MeanAveragePrecision:
    """Compare what was detected in each image with what is there, image by image in the same order."""
    if detections and isinstance(detections[0], TopClass):
        return top_accuracy(labels, detections)
    judged = summarise([judge(truth, found) for truth, found in zip(labels, detections, strict=True)])
    return replace(judged, measure=next((each.shapes.measure for each in labels if each.shapes), BOXES))


def top_accuracy(labels: Sequence[Labels], answers: Sequence[DetectionArrays]) -> MeanAveragePrecision:
    """The share of pictures whose likeliest class is theirs, of all and of each class; of those with a label."""
    pairs = [(truth, answer) for truth, answer in zip(labels, answers, strict=True) if len(truth.classes)]
    wanted, told = (np.array([int(each.classes[0]) for each in side]) for side in zip(*pairs, strict=True))
    right = wanted == told
    shares = {int(kind): float(right[wanted == kind].mean()) for kind in np.unique(wanted)}
    per_class = {kind: AveragePrecision(share, share) for kind, share in shares.items()}
    return MeanAveragePrecision(float(right.mean()), float(right.mean()), per_class, TOP)


def judge(truth: Labels, found: DetectionArrays) -> Judged:
    """Compare what was detected in one image with what is there."""
    kinds = np.union1d(np.asarray(truth.classes, int), np.asarray(found.classes, int))
    return {int(kind): _match_class(truth, found, int(kind)) for kind in kinds}


def summarise(images: Iterable[Judged]) -> MeanAveragePrecision:
    """The precision over images that were judged one by one."""
    matches: dict[int, list[Match]] = defaultdict(list)
    for image in images:
        for kind, match in image.items():
            matches[kind].append(match)
    per_class = {
        kind: _average_precision(matches[kind])
        for kind in sorted(matches)
        if sum(match.wanted for match in matches[kind])
    }
    return MeanAveragePrecision(
        map50=_mean([each.map50 for each in per_class.values()]),
        map50_95=_mean([each.map50_95 for each in per_class.values()]),
        per_class=per_class,
    )


def _match_class(truth: Labels, found: DetectionArrays, kind: int) -> Match:
    mine, crowd = np.asarray(truth.classes) == kind, np.asarray(truth.crowd, bool)
    candidates = np.asarray(found.classes) == kind
    scores = np.asarray(found.scores, np.float64)[candidates]
    best = np.argsort(-scores, kind="stable")[:MOST_DETECTIONS]
    rows = np.flatnonzero(candidates)[best]
    hit = _take_labels(_likeness(found, rows, truth, mine & ~crowd, region=False))
    in_crowd = _likeness(found, rows, truth, mine & crowd, region=True).max(axis=1, initial=0.0)
    ignored = ~hit & (in_crowd >= _at_least())
    return Match(scores[best], hit, ignored, int((mine & ~crowd).sum()))


def _likeness(found: DetectionArrays, rows: Any, truth: Labels, wanted: Flags, region: bool) -> Floats:
    """How like detections are to labels: by what their task is about, which for detection are boxes."""
    if truth.shapes is None:
        return overlaps(as_boxes(found.boxes)[rows], as_boxes(truth.boxes)[wanted], region)
    shapes = shapes_of(found)
    assert shapes is not None
    return shapes.pick(rows).likeness(truth.shapes.pick(wanted), region)


def _at_least() -> Floats:
    return np.minimum(IOU_THRESHOLDS, 1 - 1e-10)[:, None]


def _take_labels(shares: Floats) -> Flags:
    """Each detection, best first, takes the free label it overlaps most; of equals the last, as COCO does."""
    count, labels = shares.shape
    levels = np.arange(len(IOU_THRESHOLDS))
    hit = np.zeros((len(levels), count), bool)
    free = np.ones((len(levels), labels), bool)
    for number in range(count if labels else 0):
        candidates = np.where(free, shares[number], -1.0)
        choice = labels - 1 - candidates[:, ::-1].argmax(axis=1)
        hit[:, number] = candidates[levels, choice] >= _at_least()[:, 0]
        free[levels, choice] &= ~hit[:, number]
    return hit


def _average_precision(matches: Sequence[Match]) -> AveragePrecision:
    wanted = sum(match.wanted for match in matches)
    order = np.argsort(-np.concatenate([match.scores for match in matches]), kind="stable")
    hit = np.concatenate([match.hit for match in matches], axis=1)[:, order]
    ignored = np.concatenate([match.ignored for match in matches], axis=1)[:, order]
    curves = [_area_under(row, skipped, wanted) for row, skipped in zip(hit, ignored, strict=True)]
    return AveragePrecision(map50=curves[0], map50_95=_mean(curves))


def _area_under(hit: Flags, ignored: Flags, wanted: int) -> float:
    """Mean precision over the recall points; each takes the best precision at that recall or beyond."""
    hits = np.cumsum(hit, dtype=np.float64)
    misses = np.cumsum(~hit & ~ignored, dtype=np.float64)
    precision = hits / (hits + misses + np.spacing(1))
    best_from = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(best_from[np.searchsorted(hits / wanted, RECALL_POINTS, side="left")].mean())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")

"""COCO mAP against pycocotools, on random images and on the ones that break implementations."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zcc.compiler.quality.coco_map import MeanAveragePrecision, mean_average_precision


@dataclass(frozen=True)
class Labels:
    boxes: NDArray[np.float64]
    classes: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    shapes: None = None


@dataclass(frozen=True)
class Found:
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]


def truth(boxes: Any = (), classes: Any = (), crowd: Any = None) -> Labels:
    kinds = np.asarray(classes, np.int64)
    regions = np.zeros(len(kinds), bool) if crowd is None else np.asarray(crowd, bool)
    return Labels(np.asarray(boxes, np.float64).reshape(-1, 4), kinds, regions)


def found(boxes: Any = (), scores: Any = (), classes: Any = ()) -> Found:
    return Found(
        np.asarray(boxes, np.float64).reshape(-1, 4),
        np.asarray(scores, np.float64),
        np.asarray(classes, np.int64),
    )


def by_pycocotools(labels: Sequence[Labels], detections: Sequence[Found], classes: int) -> tuple[float, float]:
    """mAP50 and mAP50-95 of the reference."""
    coco = COCO()
    coco.dataset = {
        "info": {},
        "images": [{"id": image + 1} for image in range(len(labels))],
        "categories": [{"id": kind} for kind in range(classes)],
        "annotations": _annotations(labels),
    }
    results = [
        {"image_id": image + 1, "category_id": int(kind), "bbox": _xywh(box), "score": float(score)}
        for image, one in enumerate(detections)
        for box, score, kind in zip(one.boxes, one.scores, one.classes, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(results) if results else _nothing(coco), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[1]), float(judge.stats[0])


def _annotations(labels: Sequence[Labels]) -> list[dict[str, Any]]:
    rows = [
        {"image_id": image + 1, "category_id": int(kind), "bbox": _xywh(box), "iscrowd": int(crowd)}
        for image, one in enumerate(labels)
        for box, kind, crowd in zip(one.boxes, one.classes, one.crowd, strict=True)
    ]
    return [{**row, "id": n + 1, "area": row["bbox"][2] * row["bbox"][3]} for n, row in enumerate(rows)]


def _nothing(coco: COCO) -> COCO:
    empty = COCO()
    empty.dataset = {**coco.dataset, "annotations": []}
    empty.createIndex()
    return empty


def _xywh(box: NDArray[np.float64]) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def assert_equal(labels: Sequence[Labels], detections: Sequence[Found], classes: int) -> MeanAveragePrecision:
    ours = mean_average_precision(labels, detections)
    map50, map50_95 = by_pycocotools(labels, detections, classes)
    if not ours.per_class:  # the reference says -1 where nothing is labelled
        assert map50 == map50_95 == -1
        assert np.isnan([ours.map50, ours.map50_95]).all()
    else:
        assert ours.map50 == pytest.approx(map50, abs=1e-6)
        assert ours.map50_95 == pytest.approx(map50_95, abs=1e-6)
    return ours


def random_boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner = rng.uniform(0, 200, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(2, 60, (count, 2))], axis=1)


def random_image(rng: np.random.Generator, classes: int, most: int, crowds: float) -> tuple[Labels, Found]:
    """Labels, and detections that are jittered, repeated, mistaken or invented."""
    count = int(rng.integers(0, most))
    boxes, kinds = random_boxes(rng, count), rng.integers(0, classes, count)
    copies = rng.integers(0, count, int(rng.integers(0, 3 * count + 1))) if count else np.zeros(0, int)
    jittered = boxes[copies] + rng.normal(0, rng.uniform(0, 5), (len(copies), 4))
    invented = random_boxes(rng, int(rng.integers(0, most)))
    guesses = np.concatenate([kinds[copies], rng.integers(0, classes, len(invented))])
    mistaken = rng.random(len(guesses)) < 0.1
    guesses[mistaken] = rng.integers(0, classes, mistaken.sum())
    scores = rng.random(len(guesses)).round(int(rng.integers(1, 6)))  # coarse ones tie often
    order = rng.permutation(len(guesses))
    every = np.concatenate([jittered, invented])
    every = np.concatenate([np.minimum(every[:, :2], every[:, 2:]), np.maximum(every[:, :2], every[:, 2:])], axis=1)
    return truth(boxes, kinds, rng.random(count) < crowds), found(every[order], scores[order], guesses[order])


@pytest.mark.parametrize("seed", range(25))
def test_random_images_score_as_in_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 7))
    pairs = [random_image(rng, classes, 25, crowds=0.1 * (seed % 3)) for _ in range(12)]
    assert_equal([pair[0] for pair in pairs], [pair[1] for pair in pairs], classes)


def test_each_class_alone_scores_as_in_pycocotools() -> None:
    rng = np.random.default_rng(99)
    pairs = [random_image(rng, 4, 20, crowds=0.1) for _ in range(10)]
    whole = mean_average_precision([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    for kind in range(4):
        labels = [
            truth(one.boxes[mine], one.classes[mine], one.crowd[mine])
            for one, mine in ((pair[0], pair[0].classes == kind) for pair in pairs)
        ]
        alone = by_pycocotools(labels, [pair[1] for pair in pairs], 4)
        # Other classes have no labels now, so the reference's mean is this class alone.
        assert (whole.per_class[kind].map50, whole.per_class[kind].map50_95) == pytest.approx(alone, abs=1e-6)


def test_more_than_a_hundred_detections_of_a_class_are_cut() -> None:
    rng = np.random.default_rng(5)
    boxes = random_boxes(rng, 180)
    scores = rng.random(180)
    assert_equal([truth(boxes, np.zeros(180))], [found(boxes, scores, np.zeros(180))], 1)


def test_all_scores_equal() -> None:
    rng = np.random.default_rng(6)
    pairs = [random_image(rng, 3, 15, 0.0) for _ in range(6)]
    flat = [found(one.boxes, np.full(len(one.scores), 0.5), one.classes) for _, one in pairs]
    assert_equal([pair[0] for pair in pairs], flat, 3)


BOX, NEAR, FAR = [10, 10, 50, 50], [12, 10, 52, 50], [100, 100, 140, 140]
NASTY = {
    "nothing at all": (truth(), found()),
    "no labels": (truth(), found([BOX], [0.9], [0])),
    "no detections": (truth([BOX], [0]), found()),
    "perfect": (truth([BOX, FAR], [0, 1]), found([BOX, FAR], [0.9, 0.8], [0, 1])),
    "the right box of the wrong class": (truth([BOX], [0]), found([BOX], [0.9], [1])),
    "one label, many equal detections": (truth([BOX], [0]), found([BOX] * 50, [0.7] * 50, [0] * 50)),
    "equal labels, one detection": (truth([BOX] * 5, [0] * 5), found([BOX], [0.7], [0])),
    "IoU exactly a half": (truth([[0, 0, 10, 10]], [0]), found([[0, 0, 10, 5]], [0.7], [0])),
    "boxes that touch": (truth([[0, 0, 10, 10]], [0]), found([[10, 0, 20, 10]], [0.7], [0])),
    "a box without area": (truth([BOX], [0]), found([[20, 20, 20, 20]], [0.7], [0])),
    "the second best takes the other label": (
        truth([BOX, NEAR], [0, 0]),
        found([NEAR, NEAR, BOX], [0.9, 0.8, 0.7], [0, 0, 0]),
    ),
    "only a crowd": (truth([BOX], [0], [True]), found([BOX], [0.9], [0])),
    "a crowd takes many": (
        truth([[0, 0, 90, 90], FAR], [0, 0], [True, False]),
        found([BOX, NEAR, FAR, [80, 80, 120, 120]], [0.9, 0.8, 0.7, 0.95], [0] * 4),
    ),
    "a label inside a crowd": (
        truth([[0, 0, 90, 90], BOX], [0, 0], [True, False]),
        found([BOX, NEAR, BOX], [0.9, 0.8, 0.7], [0] * 3),
    ),
    "zero score": (truth([BOX], [0]), found([BOX, FAR], [0.0, 0.0], [0, 0])),
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_images_score_as_in_pycocotools(name: str) -> None:
    labels, detections = NASTY[name]
    assert_equal([labels], [detections], 3)
    assert_equal([labels, truth([FAR], [2])], [detections, found([FAR], [0.5], [2])], 3)


def test_a_class_that_is_only_detected_does_not_enter_the_mean() -> None:
    ours = assert_equal([truth([BOX], [0])], [found([BOX, FAR], [0.9, 0.99], [0, 2])], 3)
    assert set(ours.per_class) == {0}
    assert ours.map50 == pytest.approx(1.0)


# Coordinates on a coarse grid make exact ties of IoU and score common.
GRID_BOX = st.tuples(*[st.integers(0, 4)] * 2, *[st.integers(1, 3)] * 2).map(
    lambda b: [b[0] * 8, b[1] * 8, (b[0] + b[2]) * 8, (b[1] + b[3]) * 8]
)
LABEL = st.tuples(GRID_BOX, st.integers(0, 2), st.booleans())
DETECTION = st.tuples(GRID_BOX, st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 2))
IMAGE = st.tuples(st.lists(LABEL, max_size=6), st.lists(DETECTION, max_size=12))


@settings(max_examples=150)
@given(st.lists(IMAGE, min_size=1, max_size=4))
def test_ties_score_as_in_pycocotools(images: list[Any]) -> None:
    labels = [truth(*map(list, zip(*rows, strict=True))) if rows else truth() for rows, _ in images]
    detections = [found(*map(list, zip(*rows, strict=True))) if rows else found() for _, rows in images]
    assert_equal(labels, detections, 3)

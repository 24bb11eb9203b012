"""Precision by masks, keypoints and rotated boxes, against pycocotools and plain geometry."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.compiler.quality.labelled_scene import LabelledScene
from zcc.compiler.quality.shapes.keypoints import KeypointShapes
from zcc.compiler.quality.shapes.masks import Mask, MaskShapes
from zcc.compiler.quality.shapes.rotated import RotatedShapes
from zcc.runtime.tasks.rotated import corners

SIZE = (60, 80)
CLASSES, IMAGES = 2, 6


@dataclass(frozen=True)
class Picture:
    """Objects, and what was found: each the same shape, moved a little, or a shape of its own."""

    truth: list[dict[str, Any]]
    found: list[dict[str, Any]]


def pictures(seed: int) -> list[Picture]:
    """Ellipses as masks, and their boxes with seventeen keypoints around."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(IMAGES):
        truth = [thing(rng, None) for _ in range(rng.integers(0, 6))]
        found = [thing(rng, each) for each in truth if rng.random() < 0.9]
        found += [thing(rng, None) for _ in range(rng.integers(0, 4))]
        made.append(Picture(truth, found))
    return made


def thing(rng: np.random.Generator, near: dict[str, Any] | None) -> dict[str, Any]:
    centre = rng.uniform(10, 50, 2) if near is None else near["centre"] + rng.normal(0, 1.5, 2)
    sides = rng.uniform(6, 20, 2) if near is None else near["sides"] * rng.uniform(0.85, 1.15, 2)
    points = rng.uniform(-1, 1, (17, 2)) if near is None else near["spread"] + rng.normal(0, 0.1, (17, 2))
    whole = np.zeros(SIZE, np.uint8)
    cv2.ellipse(whole, tuple(int(c) for c in centre), tuple(int(s) for s in sides), 0, 0, 360, 1, -1)
    return {
        "centre": centre,
        "sides": sides,
        "spread": points,
        "mask": whole.astype(bool),
        "box": np.concatenate([centre - sides, centre + sides]),
        "points": np.concatenate([centre + points * sides, rng.integers(0, 3, (17, 1))], 1),
        "class": int(rng.integers(0, CLASSES)) if near is None else near["class"],
        "score": float(rng.random()),
    }


def shapes(kind: str, things: list[dict[str, Any]]) -> Any:
    if kind == "segm":
        return MaskShapes([Mask.of(each["mask"]) for each in things])
    points = np.array([each["points"] for each in things]).reshape(-1, 17, 3)
    boxes = np.array([each["box"] for each in things]).reshape(-1, 4)
    return KeypointShapes.of(points, boxes, np.array([each["mask"].sum() for each in things], np.float64))


@dataclass(frozen=True)
class Found:
    boxes: NDArray[Any]
    scores: NDArray[Any]
    classes: NDArray[Any]
    shapes: Any


def scene(kind: str, things: list[dict[str, Any]]) -> LabelledScene:
    boxes = np.array([each["box"] for each in things]).reshape(-1, 4)
    classes = np.array([each["class"] for each in things], np.int64)
    return LabelledScene(None, boxes, classes, np.zeros(len(things), bool), shapes(kind, things))  # type: ignore[arg-type]


def by_pycocotools(kind: str, made: list[Picture]) -> tuple[float, float]:
    coco = COCO()
    truth = [row(kind, image, each) for image, one in enumerate(made) for each in one.truth]
    found = [row(kind, image, each) for image, one in enumerate(made) for each in one.found]
    coco.dataset = {
        "info": {},
        "images": [{"id": image + 1, "height": SIZE[0], "width": SIZE[1]} for image in range(len(made))],
        "categories": [{"id": number} for number in range(CLASSES)],
        "annotations": [{**each, "id": n + 1, "iscrowd": 0} for n, each in enumerate(truth)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(found), kind)
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.params.maxDets = [100]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, 0]
    valid = precision[:, :, (precision > -1).all((0, 1))]
    return float(valid[0].mean()), float(valid.mean())


def row(kind: str, image: int, each: dict[str, Any]) -> dict[str, Any]:
    box = each["box"]
    common = {"image_id": image + 1, "category_id": each["class"], "score": each["score"]}
    common |= {"bbox": [*box[:2], *(box[2:] - box[:2])], "area": float(each["mask"].sum())}
    if kind == "segm":
        return {**common, "segmentation": coco_mask.encode(np.asfortranarray(each["mask"].astype(np.uint8)))}
    labelled = int((each["points"][:, 2] > 0).sum())
    return {**common, "keypoints": each["points"].ravel().tolist(), "num_keypoints": labelled}


@pytest.mark.parametrize("kind", ["segm", "keypoints"])
@pytest.mark.parametrize("seed", range(5))
def test_precision_is_that_of_pycocotools(kind: str, seed: int) -> None:
    made = pictures(seed)
    found = [
        Found(
            np.array([each["box"] for each in one.found]).reshape(-1, 4),
            np.array([each["score"] for each in one.found]),
            np.array([each["class"] for each in one.found], np.int64),
            shapes(kind, one.found),
        )
        for one in made
    ]
    mine = mean_average_precision([scene(kind, one.truth) for one in made], found)
    expected = by_pycocotools(kind, made)
    assert (mine.map50, mine.map50_95) == pytest.approx(expected, abs=1e-9)
    assert mine.measure == {"segm": "mask mAP50-95", "keypoints": "OKS mAP50-95"}[kind]


@pytest.mark.parametrize("seed", range(10))
def test_rotated_boxes_share_the_area_that_opencv_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = np.concatenate([rng.uniform(0, 40, (8, 2)), rng.uniform(2, 30, (8, 2)), rng.uniform(-1, 3, (8, 1))], 1)
    mine = RotatedShapes(corners(boxes.astype(np.float32)))
    found = mine.likeness(mine)
    for i, one in enumerate(boxes):
        for j, other in enumerate(boxes):
            rects = [((x, y), (w, h), np.degrees(angle)) for x, y, w, h, angle in (one, other)]
            _, shared = cv2.rotatedRectangleIntersection(*rects)
            area = 0.0 if shared is None else cv2.contourArea(cv2.convexHull(shared))
            union = one[2] * one[3] + other[2] * other[3] - area
            assert found[i, j] == pytest.approx(area / union, abs=1e-3)


def test_precision_of_rotated_boxes_by_hand() -> None:
    wanted = np.float32([[20, 20, 20, 10, 0.3], [60, 30, 8, 8, 0]])
    scene_ = LabelledScene(
        None, np.zeros((2, 4)), np.zeros(2, np.int64), np.zeros(2, bool), RotatedShapes(corners(wanted))
    )  # type: ignore[arg-type]
    turned = wanted + np.float32([[0, 0, 0, 0, np.pi], [0, 0, 0, 0, np.pi / 2]])
    found = Found(np.zeros((2, 4)), np.array([0.9, 0.8]), np.zeros(2, np.int64), RotatedShapes(corners(turned)))
    assert mean_average_precision([scene_], [found]).map50_95 == pytest.approx(1.0), "half a turn is no turn"
    crossed = replace(found, shapes=RotatedShapes(corners(wanted + np.float32([0, 0, 0, 0, np.pi / 4]))))
    assert mean_average_precision([scene_], [crossed]).map50_95 < 0.5

"""The samples of tasks see what is in scenes that they never saw, by ONNX Runtime and plain loops."""

from __future__ import annotations

import ast
from collections.abc import Callable

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from examples.shapes.outlines import CLASSES
from examples.shapes.scenes import STRETCHES, Scene, make_scene
from examples.shapes.task_labels import KEYPOINTS, keypoints_of, rectangle_of
from tests.runtime.tasks.plain import Plain, PlainModel
from zcc import sample
from zcc.runtime.tasks.rotated import corners

TASKS = ("segment", "pose", "obb")
UNSEEN_SEED, SCENES = 555_000, 10  # neither trained on nor measured with
ALIKE, NEAR = 0.5, 0.2  # overlap of areas; distance of keypoints in parts of a shape's size
SHARE = 0.75  # of the shapes that is found, shapes that others hide in part among them

Found = Callable[[Scene, int, Plain, int], bool]


def same_mask(scene: Scene, number: int, found: Plain, row: int) -> bool:
    """Whether a mask covers a shape's outline."""
    drawn = np.zeros(scene.image.shape[:2], np.uint8)
    cv2.fillPoly(drawn, [np.round(scene.shapes[number].points).astype(np.int32)], 1)
    mask, wanted = found.masks[row], drawn.astype(bool)
    return bool((mask & wanted).sum() >= ALIKE * (mask | wanted).sum())


def same_points(scene: Scene, number: int, found: Plain, row: int) -> bool:
    """Whether keypoints lie where a shape's do, as far as these lie in the frame."""
    wanted, limits = keypoints_of(scene.shapes[number]), scene.image.shape[1::-1]
    seen = ((wanted >= 0) & (wanted <= limits)).all(axis=1)
    away = np.linalg.norm(found.details[row, :, :2] - wanted, axis=1)[seen]
    size = np.sqrt(np.prod(scene.boxes[number, 2:] - scene.boxes[number, :2]))
    return bool(away.mean() <= NEAR * size)


def same_rectangle(scene: Scene, number: int, found: Plain, row: int) -> bool:
    """Whether a rotated box covers the rectangle around a shape."""
    mine = corners(found.details[row : row + 1])[0].astype(np.float32)
    theirs = rectangle_of(scene.shapes[number]).astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(mine, theirs)
    return bool(shared >= ALIKE * (_area(mine) + _area(theirs) - shared))


def _area(points: NDArray[np.float32]) -> float:
    return float(cv2.contourArea(points))


SAME: dict[str, Found] = {"segment": same_mask, "pose": same_points, "obb": same_rectangle}


@pytest.mark.parametrize("task", TASKS)
def test_the_file_is_small_and_says_what_it_is(task: str) -> None:
    assert sample.MODELS[task].stat().st_size < 3_000_000
    model = onnx.load(sample.MODELS[task])
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties["task"] == task and ast.literal_eval(properties["names"]) == dict(enumerate(CLASSES))
    assert task != "pose" or ast.literal_eval(properties["kpt_shape"]) == [KEYPOINTS, 3]


@pytest.mark.parametrize("task", TASKS)
def test_it_sees_the_shapes_of_unseen_scenes(task: str) -> None:
    plain, total, right = PlainModel(sample.MODELS[task], task, len(CLASSES)), 0, 0
    for index in range(SCENES):
        scene = make_scene(UNSEEN_SEED, index, STRETCHES)
        found = plain(np.ascontiguousarray(scene.image[..., ::-1]), 0.25, 0.45)
        for number, kind in enumerate(scene.classes):
            rows = np.flatnonzero(found.classes == kind)
            total += 1
            right += any(SAME[task](scene, number, found, int(row)) for row in rows)
    assert total > 100 and right >= SHARE * total

"""What tasks want of a detection beside its box, and rotated boxes, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import HOST, NARROW, Detections, Machine, postprocess
from tests.runtime.tasks import plain
from zcc.compiler.ir.heads.head import Head
from zcc.runtime.manifest import InputSpec, TaskInfo

SPEC = InputSpec(96, 128)
FRAME = (270, 480)
CLASSES, MOST = 3, 300
Array = NDArray[np.float32]


def candidates(count: int, details: Array, crowd: float) -> Array:
    """Rows of boxes, scores and details: so many of them in a crowd around a few places, the others anywhere."""
    rng = np.random.default_rng(count)
    places = np.where(
        rng.random((count, 1)) < crowd, rng.integers(1, 4, (count, 2)) * 30, rng.uniform(0, 128, (count, 2))
    )
    sides = rng.uniform(4, 40, (count, 2))
    scores = rng.integers(0, 1000, (count, CLASSES)) / 1000
    return np.concatenate([places + rng.normal(0, 3, (count, 2)), sides, scores, details], 1).astype(np.float32)


def found(task: TaskInfo, rows: Array, details: int, columns: bool, machine: Machine, iou: float) -> Detections:
    """What the kernel makes of the rows."""
    family = "anchor-free" if columns else "anchor-free-rows"
    head = Head(family, "out", len(rows), CLASSES, False, columns, details=details)
    output = np.ascontiguousarray(rows.T if columns else rows)[None]
    return postprocess(head, SPEC, MOST, machine, task)(output, FRAME, 0.3, iou)


def wanted(task: str, rows: Array, iou: float) -> plain.Plain:
    """The same in plain numpy."""
    kept = plain.KEEPERS[task](rows, *ranked(rows, 0.3), iou)[:MOST]
    picture = plain.Picture.of(SPEC, FRAME)
    boxes, scores = rows[kept, :4], rows[kept, 4 : 4 + CLASSES]
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    corners = np.concatenate([picture.clipped(low), picture.clipped(high)], 1)
    result = plain.Plain(corners, scores.max(1), scores.argmax(1), rows[kept, 4 + CLASSES :])
    plain.FINISHERS[task](result, boxes, [], picture)
    return result


def ranked(rows: Array, conf: float) -> tuple[NDArray[np.int64], list[int]]:
    """Classes, and who is above the threshold, the surest first."""
    scores = rows[:, 4 : 4 + CLASSES].max(1)
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > np.float32(conf)]
    return rows[:, 4 : 4 + CLASSES].argmax(1), order


def assert_same(got: Detections, expected: plain.Plain, tolerance: float) -> None:
    """The same detections in the same order."""
    assert len(expected.scores) > 5
    np.testing.assert_array_equal(got.labels, expected.classes)
    np.testing.assert_allclose(got.scores, expected.scores, atol=1e-6)
    np.testing.assert_allclose(got.boxes, expected.boxes, atol=tolerance)
    np.testing.assert_allclose(got.details, expected.details.reshape(got.details.shape), atol=tolerance)


@pytest.mark.parametrize("machine", [HOST, NARROW])
@pytest.mark.parametrize("columns", [True, False])
def test_keypoints(machine: Machine, columns: bool) -> None:
    points = np.random.default_rng(5).uniform(-20, 150, (200, 5, 3))
    rows = candidates(200, points.reshape(200, 15), crowd=0.5)
    got = found(TaskInfo("pose", 15, (5, 3)), rows, 15, columns, machine, 0.5)
    assert_same(got, wanted("pose", rows, 0.5), 1e-3)


@pytest.mark.parametrize("machine", [HOST, NARROW])
@pytest.mark.parametrize(("count", "crowd"), [(60, 0.0), (150, 1.0), (400, 0.7)])
@pytest.mark.parametrize("iou", [0.1, 0.45, 0.9])
def test_rotated_boxes(machine: Machine, count: int, crowd: float, iou: float) -> None:
    angles = np.random.default_rng(6).uniform(-np.pi / 4, 3 * np.pi / 4, (count, 1))
    rows = candidates(count, angles, crowd)
    got = found(TaskInfo("obb", 5), rows, 1, True, machine, iou)
    assert_same(got, wanted("obb", rows, iou), 2e-3)


def test_boxes_that_are_all_the_same_leave_one_of_each_class() -> None:
    rows = np.tile(candidates(1, np.float32([[0.5]]), 0), (40, 1))
    assert len(found(TaskInfo("obb", 5), rows, 1, True, HOST, 0.45).scores) == 1
    assert len(found(TaskInfo("obb", 5), rows, 1, True, HOST, 1.0).scores) == 40, "nothing overlaps by more than all"


def test_nothing_is_found_where_nothing_is() -> None:
    rows = candidates(50, np.zeros((50, 1)), 0)
    rows[:, 4:7] = 0
    assert len(found(TaskInfo("obb", 5), rows, 1, True, HOST, 0.45).scores) == 0

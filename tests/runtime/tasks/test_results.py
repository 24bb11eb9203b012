"""What results of every task hold, and what they say of that which they do not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zcc.runtime.detections import Found
from zcc.runtime.errors import UsageError, WrongTask
from zcc.runtime.manifest import TaskInfo
from zcc.runtime.tasks.masks import Masks
from zcc.runtime.tasks.table import result

BOXES = np.float32([[0, 0, 10, 20], [5, 5, 8, 9]])
SCORES, CLASSES = np.float32([0.9, 0.5]), np.int32([1, 0])


def found(task: TaskInfo, details: NDArray[np.float32], **rest: object) -> Found:
    return Found(BOXES, SCORES, CLASSES, 0.1, task, details, **rest)


def test_keypoints_always_have_three_numbers() -> None:
    seen = result(found(TaskInfo("pose", 4, (2, 2)), np.arange(8, dtype=np.float32).reshape(2, 4)))
    assert seen.keypoints.shape == (2, 2, 3)
    np.testing.assert_array_equal(seen.keypoints[1], [[4, 5, 1], [6, 7, 1]])
    assert seen.extras()[0] == {"keypoints": [[0, 1, 1], [2, 3, 1]]}
    assert len(seen.only([False, True])) == 1
    np.testing.assert_array_equal(seen.only([False, True]).keypoints, seen.keypoints[1:])


def test_corners_go_around_the_box() -> None:
    quarter = np.pi / 2
    seen = result(found(TaskInfo("obb", 5), np.float32([[10, 20, 4, 2, 0], [10, 20, 4, 2, quarter]])))
    np.testing.assert_allclose(seen.corners[0], [[12, 21], [12, 19], [8, 19], [8, 21]], atol=1e-5)
    assert {tuple(np.round(corner).tolist()) for corner in seen.corners[1]} == {(9, 22), (11, 22), (11, 18), (9, 18)}


def test_masks_are_made_once_and_when_asked_for() -> None:
    asked: list[list[int]] = []
    made = [np.ones((20, 10), bool), np.eye(4, 3, dtype=bool)]

    def render(numbers: list[int]) -> list[NDArray[np.bool_]]:
        asked.append(list(numbers))
        return [made[number] for number in numbers]

    masks = Masks((50, 60), BOXES.astype(np.int32), render)
    seen = result(found(TaskInfo("segment", 32, (32, 8, 8)), np.zeros((2, 32), np.float32), masks=masks))
    assert len(seen.masks) == 2 and asked == []
    assert seen.masks[1] is made[1] and seen.masks[-1] is made[1]
    assert list(seen.masks) == made and asked == [[1], [0]]
    assert seen.masks.full(1).shape == (50, 60) and seen.masks.full(1).sum() == 3
    assert seen.extras()[0]["mask"]["size"] == [50, 60]
    assert list(seen.only([False, True]).masks) == [made[1]]
    assert asked == [[1], [0]], "the same masks"
    with pytest.raises(IndexError):
        seen.masks[2]


def test_a_classifier_ranks_its_classes() -> None:
    probabilities = np.float32([0.2, 0.5, 0.1, 0.2])
    seen = result(Found(np.zeros((0, 4), np.float32), probabilities, CLASSES, 0.1, TaskInfo("classify")))
    assert seen.top(3) == [(1, 0.5), (0, pytest.approx(0.2)), (3, pytest.approx(0.2))]
    assert len(seen.top(9)) == 4
    np.testing.assert_array_equal(seen.probabilities, probabilities)


@pytest.mark.parametrize(
    ("task", "asked", "told"),
    [
        ("classify", "boxes", "Classification have no boxes, those are of a detector; they have probabilities, top"),
        ("detect", "masks", "Detections have no masks, those are of a segmentation model; they have boxes, scores"),
        ("obb", "keypoints", "RotatedDetections have no keypoints, those are of a pose model"),
    ],
)
def test_whoever_asks_for_what_another_task_has_is_told(task: str, asked: str, told: str) -> None:
    seen = result(found(TaskInfo(task, 5), np.zeros((2, 5), np.float32)))
    with pytest.raises(WrongTask, match=told.replace("(", "\\(")):
        getattr(seen, asked)
    assert not hasattr(seen, asked)
    with pytest.raises(AttributeError, match="no attribute 'colour'") as plain:
        _ = seen.colour
    assert not isinstance(plain.value, UsageError)

"""The confusion matrix on pictures that are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from zcc.compiler.quality.confident import ConfidentDetections
from zcc.compiler.quality.confusion import confusion

Row = tuple[float, float, float, float, int]


def found(*rows: Row) -> ConfidentDetections:
    """Detections, the surest first."""
    boxes, classes = np.array([row[:4] for row in rows]).reshape(-1, 4), np.array([row[4] for row in rows], int)
    return ConfidentDetections(boxes, np.linspace(1, 0.5, len(rows)), classes)


def labels(*rows: Row, crowd: tuple[bool, ...] = ()) -> Any:
    """What is in a picture."""
    told = found(*rows)
    marks = np.array(crowd or (False,) * len(rows), bool)
    return SimpleNamespace(boxes=told.boxes, classes=told.classes, crowd=marks)


def test_every_kind_of_mistake_has_its_place() -> None:
    truth = labels((0, 0, 10, 10, 0), (20, 0, 30, 10, 1), (40, 0, 50, 10, 1))
    seen = found((0, 0, 10, 9, 0), (21, 0, 31, 10, 0), (70, 0, 80, 10, 1), (0, 0, 10, 8, 0))
    told = confusion([(truth, seen)], 2)
    assert told.counts.tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 0]]
    assert told.precision.tolist() == [1 / 3, 0.0]
    assert told.recall.tolist() == [1.0, 0.0]


def test_crowds_neither_reward_nor_punish() -> None:
    truth = labels((0, 0, 100, 100, 0), (200, 0, 210, 10, 1), crowd=(True, False))
    told = confusion([(truth, found((10, 10, 20, 20, 0), (200, 0, 210, 10, 1)))], 2)
    assert told.counts.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert np.isnan(told.precision[0]) and np.isnan(told.recall[0])


def test_pictures_add_up() -> None:
    pair = labels((0, 0, 10, 10, 0)), found((0, 0, 10, 10, 0))
    assert confusion([pair, pair, (labels(), found())], 1).counts.tolist() == [[2, 0], [0, 0]]

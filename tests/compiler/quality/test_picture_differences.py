"""Where two detectors differ, on detections that are known."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.compiler.quality.confident import ConfidentDetections
from zcc.compiler.quality.picture_differences import picture_differences


def found(*rows: tuple[float, float, int]) -> ConfidentDetections:
    """Boxes of ten pixels that begin at x, their scores and classes."""
    boxes = np.array([(x, 0, x + 10, 10) for x, _, _ in rows], np.float64).reshape(-1, 4)
    scores, classes = ([row[at] for row in rows] for at in (1, 2))
    return ConfidentDetections(boxes, np.array(scores, np.float64), np.array(classes, np.int64))


def test_what_only_one_finds_weighs_its_score_and_the_worst_comes_first() -> None:
    same = found((0, 0.9, 0))
    sure = [
        (same, same),
        (found((0, 0.9, 0), (50, 0.6, 1)), found((0, 0.8, 0))),
        (found((0, 0.9, 0)), found((0, 0.9, 1), (50, 0.3, 0))),
    ]
    worst, other = picture_differences(sure)
    assert (worst.number, other.number) == (2, 1), "the picture in which nothing differs is left out"
    assert worst.weight == pytest.approx(0.9 + 0.9 + 0.3), "another class is another detection"
    assert other.weight == pytest.approx(0.6 + 0.1)
    told = other.describe("picture.jpg")
    assert told == {"image": "picture.jpg", "lost": 1, "gained": 0, "in_both": 1, "drift": 0.1}


def test_pictures_without_anything_are_no_difference() -> None:
    assert picture_differences([(found(), found())]) == []

"""How far two lists of detections agree."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.runtime.agreement import agreement
from zcc.runtime.variant import Detections


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Detections written down: a box, a score, a class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32), 0.0)


def test_agreement_counts_each_detection_once() -> None:
    one, near, far = (0, 0, 10, 10, 0.9, 1), (1, 0, 11, 10, 0.8, 1), (20, 20, 30, 30, 0.7, 1)
    assert agreement(boxes(), boxes()) == 1
    assert agreement(boxes(one), boxes()) == agreement(boxes(), boxes(one)) == 0
    assert agreement(boxes(one), boxes(near)) == 1
    assert agreement(boxes(one), boxes(far)) == 0
    assert agreement(boxes(one), boxes((*one[:5], 2))) == 0, "another class"
    assert agreement(boxes(one, near), boxes(one)) == pytest.approx(2 / 3)
    assert agreement(boxes(one, far), boxes(far, near)) == 1
    assert agreement(boxes((0, 0, 0, 0, 0.9, 1)), boxes(one)) == 0, "a box without area"

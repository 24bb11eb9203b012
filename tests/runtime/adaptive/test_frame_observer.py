"""What policies are told, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from zcc.runtime import Detections
from zcc.runtime.adaptive.frame_observer import Observer
from zcc.runtime.adaptive.latencies import WINDOW
from zcc.runtime.tasks.classification import Classification


def detections(rng: np.random.Generator, count: int) -> Detections:
    corners = rng.uniform(0, 50, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 20, (count, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(0, 1, count).astype(np.float32)
    return Detections(boxes, scores, np.zeros(count, np.int32), float(rng.uniform(0, 1)))


def test_nothing_was_seen_before_the_first_frame() -> None:
    seen = Observer({"int8": 2.0, "fp32": 6.0}).observed
    assert (seen.frames, seen.running, seen.detections, seen.edges, seen.score, seen.area) == (0, "int8", 0, 0, 0, 0)
    assert seen.p95_ms == {"int8": 2.0, "fp32": 6.0}


@pytest.mark.parametrize("count", [0, 1, 7])
def test_the_last_frame(count: int) -> None:
    observer, found = Observer({"int8": 2.0, "fp32": 6.0}), detections(np.random.default_rng(count), count)
    observer.saw("int8", detections(np.random.default_rng(99), 3), 6400, 2.0)
    observer.saw("fp32", found, 6400, 6.0)
    seen = observer.observed
    assert (seen.frames, seen.running, seen.detections, seen.edges) == (2, "fp32", count, found.edges)
    assert seen.score == pytest.approx(sum(map(float, found.scores)) / count if count else 0.0)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in found.boxes.tolist()]
    assert seen.area == pytest.approx(sum(areas) / 6400)


def test_a_class_is_of_the_whole_frame() -> None:
    observer = Observer({"int8": 2.0, "fp32": 6.0})
    observer.saw("int8", Classification(np.float32([0.2, 0.7, 0.1]), 0.3), 6400, 2.0)
    seen = observer.observed
    assert (seen.detections, seen.area, seen.edges, seen.score) == (1, 1.0, 0.3, pytest.approx(0.7))


def test_times_of_one_variant_tell_of_the_others() -> None:
    observer, rng = Observer({"int8": 2.0, "fp32": 6.0}), np.random.default_rng(0)
    empty = detections(rng, 0)
    times = rng.uniform(4, 8, 3 * WINDOW).tolist()  # two to four times as slow as when they were compared
    for milliseconds in times:
        observer.saw("int8", empty, 1, milliseconds)
    last = sorted(times[-WINDOW:])
    assert observer.observed.p95_ms["int8"] == pytest.approx(last[int(0.95 * WINDOW)])
    assert observer.observed.p95_ms["fp32"] == pytest.approx(3 * last[int(0.95 * WINDOW)])

"""Two detectors that see the same are told from two that do not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.compiler.racing.contestants import SLEEPER, UNDECODED
from zcc.compiler.ir.heads.head import Head
from zcc.compiler.racing.contestant import USUAL, FoundBoxes
from zcc.compiler.racing.same_detections import EXACT, check_agreement, overlaps, shared
from zcc.compiler.racing.worker import RaceWorker

CONF = 0.25


def scene(seed: int, count: int) -> FoundBoxes:
    """Detections as a detector gives them: the surest first."""
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 500, (count, 2)), rng.uniform(10, 200, (count, 2))
    boxes = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    scores = np.sort(rng.uniform(0.4, 1, count).astype(np.float32))[::-1]
    return FoundBoxes(boxes, scores, rng.integers(0, 3, count).astype(np.int32))


def test_a_scene_agrees_with_itself_in_any_order() -> None:
    found = scene(1, 40)
    order = np.random.default_rng(0).permutation(40)
    shuffled = FoundBoxes(*(column[order] for column in found))
    assert shared([(found, shuffled)], CONF, EXACT) == 1


def test_rounding_does_not_part_two_detectors() -> None:
    found = scene(2, 40)
    near = FoundBoxes(found.boxes + np.float32(0.3), found.scores - np.float32(0.005), found.classes)
    assert shared([(found, near)], CONF, EXACT) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found._replace(classes=found.classes + 1),
        lambda found: found._replace(boxes=found.boxes + np.float32(100)),
        lambda found: found._replace(scores=found.scores / 2),
    ],
    ids=["class", "place", "score"],
)
def test_another_class_place_or_score_is_another_detection(change: object) -> None:
    found = scene(3, 1)
    assert shared([(found, change(found))], 0.1, EXACT) == 0  # type: ignore[operator]


def test_what_one_side_alone_sees_counts_against_both() -> None:
    found = scene(4, 10)
    fewer = FoundBoxes(*(column[:5] for column in found))
    assert shared([(found, fewer)], CONF, EXACT) == shared([(fewer, found)], CONF, EXACT) == pytest.approx(10 / 15)


def test_a_detection_at_the_threshold_may_be_seen_by_one_side_alone() -> None:
    found = scene(5, 10)
    faint = FoundBoxes(
        np.append(found.boxes, np.array([[0, 0, 9, 9]], np.float32), axis=0),
        np.append(found.scores, np.float32(CONF + 0.001)),
        np.append(found.classes, np.int32(7)),
    )
    assert shared([(found, faint)], CONF, EXACT) == 1


def test_nothing_agrees_with_nothing() -> None:
    assert shared([(scene(6, 0), scene(6, 0))], CONF, EXACT) == 1
    assert shared([(scene(6, 0), scene(6, 3))], CONF, EXACT) == 0


def test_a_network_that_decodes_only_what_it_finds_is_held_to_its_detections() -> None:
    frame = np.full((8, 8, 3), 9, np.uint8)
    head = Head("v8", "output", 8400, 2, objectness=False, candidates_last=True)
    with RaceWorker(UNDECODED, 1) as first, RaceWorker(SLEEPER, 1) as peer:
        [agreement] = check_agreement([first, peer], [frame], np.ones((1, 3, 8, 8), np.float32), head, USUAL, EXACT)
    assert (agreement.detections, agreement.share, agreement.error) == (1, 1.0, None)


def test_overlaps_equal_counted_pixels() -> None:
    corners = np.random.default_rng(7).integers(0, 10, (30, 2, 2))  # small numbers: some boxes are empty, some equal
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    actual = overlaps(boxes, boxes)
    for row, one in enumerate(boxes):
        for column, other in enumerate(boxes):
            inside, beside = pixels(one) & pixels(other), pixels(one) | pixels(other)
            expected = len(inside) / len(beside) if beside else float((one == other).all())
            assert actual[row, column] == pytest.approx(expected)


def pixels(box: np.ndarray) -> set[tuple[int, int]]:
    left, top, right, bottom = map(int, box)
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}

"""Boxes held to a network's candidates: what rounding changes is right, and everything else is told."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gpu.same import Candidates, Rounding, Suppression, mistakes
from zcc.compiler.quality.boxes import overlaps
from zcc.runtime.detections import Detections

CONF, IOU = 0.25, 0.45
FRAME = (600, 650)
SURE = np.array([[0.9, 0.1], [0.1, 0.8]])


def candidates(count: int = 800) -> Candidates:
    """Crowded ones, whose classes are often nearly equal; some lie at the frame's edge, some beyond it."""
    rng = np.random.default_rng(0)
    corners, sides = rng.uniform(-100, 600, (count, 2)), rng.uniform(20, 90, (count, 2))
    return Candidates(np.hstack([corners, corners + sides]), rng.uniform(0, 0.6, (count, 5)) ** 2, FRAME)


def rounded(said: Candidates, seed: int) -> Candidates:
    """The same, as fewer bits would have them."""
    rng = np.random.default_rng(seed)
    boxes = said.boxes + rng.uniform(-1, 1, said.boxes.shape)
    return Candidates(boxes, said.scores + rng.uniform(-0.004, 0.004, said.scores.shape), FRAME)


def kept(said: Candidates, most: int) -> Detections:
    """NMS by class, one candidate after another."""
    classes, shared, chosen = said.scores.argmax(axis=1), overlaps(said.boxes, said.boxes), list[int]()
    for index in np.argsort(-said.best):
        apart = all(classes[other] != classes[index] or shared[index, other] <= IOU for other in chosen)
        if said.best[index] > CONF and apart and len(chosen) < most:
            chosen.append(index)
    parts = said.inside[chosen].astype(np.float32), said.best[chosen].astype(np.float32)
    return Detections(*parts, classes[chosen].astype(np.int32), 0.0)


def told(found: Detections, said: Candidates, most: int = 300) -> list[str]:
    """Each mistake."""
    return list(mistakes(found, said, Suppression(CONF, IOU, most), Rounding()))


@pytest.mark.parametrize("most", [300, 20])
@pytest.mark.parametrize("seed", range(5))
def test_rounding_is_no_mistake(seed: int, most: int) -> None:
    said = candidates()
    found = kept(rounded(said, seed), most)
    assert len(found) == most or (most == 300 and len(found) > 20)
    assert told(found, said, most) == []


def test_strips_at_the_edge_of_the_frame_are_seen_as_parts_of_their_boxes() -> None:
    height, width = FRAME
    said = Candidates(np.array([[100.0, height - 3, 300, height + 300], [width + 40, 10, width + 90, 60]]), SURE, FRAME)
    moved = Candidates(said.boxes + 4, said.scores, FRAME)
    assert told(kept(moved, 300), said) == []
    assert told(kept(Candidates(said.boxes + 40, SURE, FRAME), 300), said)


def test_a_box_that_is_missing_is_told() -> None:
    said = candidates()
    found = kept(said, 300)
    less = Detections(found.boxes[1:], found.scores[1:], found.classes[1:], 0.0)
    assert any("is missing" in line for line in told(less, said))
    assert told(found, said) == []


def test_a_box_that_nobody_named_is_told() -> None:
    said = candidates()
    found = kept(said, 300)
    lies = {
        "elsewhere": (found.boxes + 30, found.scores, found.classes),
        "surer": (found.boxes, found.scores + np.float32(0.02), found.classes),
        "another class": (found.boxes, found.scores, (found.classes + 1) % 5),
    }
    for lie in lies.values():
        assert any("is no candidate" in line for line in told(Detections(*lie, 0.0), said))


def test_where_there_is_nothing_every_box_is_invented() -> None:
    nothing = candidates(0)
    assert told(kept(nothing, 300), nothing) == []
    said = candidates(40)
    assert len(told(kept(said, 300), nothing)) == len(kept(said, 300)) > 0


def test_two_boxes_of_one_thing_are_told() -> None:
    said = candidates()
    found = kept(said, 300)
    twice = (np.concatenate([part, part[:1]]) for part in (found.boxes, found.scores, found.classes))
    assert told(Detections(*twice, 0.0), said) == [f"boxes 0 and {len(found)} overlap"]


def test_what_rounding_did_to_another_network_is_allowed_twice() -> None:
    said = candidates()
    assert Rounding.seen(said.best, said).scores == pytest.approx(0.001)
    assert Rounding.seen(said.best + 0.02, said).scores == pytest.approx(0.04)

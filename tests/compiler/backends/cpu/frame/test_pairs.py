"""Every class of a candidate counts by itself: as if each had a candidate of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.frame.harness import MACHINES, Detections, Machine, postprocess
from tests.compiler.backends.cpu.frame.references import detections
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime.manifest import InputSpec

SPEC = InputSpec(640, 640)
FRAME = (480, 720)

HEADS = {
    "columns": Head("test", "output", 525, 7, False, True, every_class=True),
    "rows": Head("test", "output", 333, 5, False, False, every_class=True),
    "objectness": Head("test", "output", 63, 3, True, False, every_class=True),
    "corners": Head("test", "output", 84, 80, False, True, every_class=True, corners=True),
    "one class": Head("test", "output", 21, 1, False, True, every_class=True),
    "few": Head("test", "output", 3, 2, False, True, every_class=True),
}


def scene(head: Head, seed: int) -> NDArray[np.float32]:
    """Rows of random boxes; scores are distinct, for ties may be ranked either way."""
    rng = np.random.default_rng(seed)
    rows = np.empty((head.candidates, head.attributes), np.float32)
    rows[:, :4] = rng.uniform(0, 300, (head.candidates, 4))
    if head.corners:
        rows[:, 2:4] += rows[:, :2]
    rows[:, 4] = rng.random(head.candidates)
    scores = rng.permutation(head.candidates * head.classes) / (head.candidates * head.classes)
    rows[:, -head.classes :] = scores.reshape(head.candidates, head.classes)
    return rows


def spread(head: Head, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """For every class the same candidates with the scores of that class alone."""
    copies = np.tile(rows, (head.classes, 1))
    alone = np.zeros((head.classes, head.candidates, head.classes), np.float32)
    for c in range(head.classes):
        alone[c, :, c] = rows[:, head.attributes - head.classes + c]
    copies[:, -head.classes :] = alone.reshape(-1, head.classes)
    return copies


def centred(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners to centre and size."""
    low, high = rows[:, :2].copy(), rows[:, 2:4].copy()
    return np.concatenate([(low + high) / 2, high - low, rows[:, 4:]], axis=1)


def run(head: Head, rows: NDArray[np.float32], iou: float, machine: Machine) -> Detections:
    output = np.ascontiguousarray(rows.T if head.candidates_last else rows)[None]
    return postprocess(head, SPEC, 300, machine)(output, FRAME, 0.25, iou)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.cpu)
@pytest.mark.parametrize("kind", HEADS)
def test_pairs_equal_candidates_of_their_own(kind: str, machine: Machine) -> None:
    head = HEADS[kind]
    rows = scene(head, seed=3)
    found = run(head, rows, 0.45, machine)
    single = spread(head, centred(rows) if head.corners else rows)
    plain = Head("test", "output", len(single), head.classes, head.objectness, False)
    wanted = detections(single[None], plain, SPEC, FRAME, 0.25, 0.45, 300)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_allclose(found.boxes, wanted.boxes, rtol=1e-5, atol=1e-3)
    assert len(found.scores) > 0


def test_a_choice_without_suppression_keeps_the_best_pairs() -> None:
    head = replace(HEADS["columns"], suppression=Suppression(1.0, 0.0))
    rows = scene(head, seed=4)
    rows[:, :4] = 100, 100, 50, 50
    found = run(head, rows, 0.0, MACHINES[0])
    best = np.sort(rows[:, 4:].ravel())[::-1][:300]
    np.testing.assert_array_equal(found.scores, best)

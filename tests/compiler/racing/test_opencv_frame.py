"""The peers' way around the network, against plain references: an unfair or wrong peer would make a race worthless."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.compiler.backends.cpu.frame import references
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.compiler.racing.contestant import USUAL, Thresholds
from zcc.compiler.racing.opencv_frame import frame_steps
from zcc.compiler.racing.race_task import RaceTask
from zcc.runtime.manifest import InputSpec

ROWS = Head("rows", "output", 300, 5, objectness=True, candidates_last=False)
COLUMNS = Head("columns", "output", 300, 5, objectness=False, candidates_last=True)
HEADS = {
    "rows": ROWS,
    "rows of one class": replace(ROWS, classes=1),
    "rows without objectness": replace(ROWS, objectness=False),
    "columns": COLUMNS,
    "columns with objectness": replace(COLUMNS, objectness=True),
    "corners": replace(COLUMNS, corners=True),
    "every class": replace(COLUMNS, every_class=True),
    "final": replace(ROWS, objectness=False, final=True),
    "final in columns": replace(COLUMNS, final=True),
    "taken over": replace(COLUMNS, suppression=Suppression(iou=0.6, score=0.3)),
}
SPEC = InputSpec(96, 128)


def made_up_output(head: Head, seed: int) -> np.ndarray:
    """Boxes that crowd each other, scores of every size."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(0, 1, (head.candidates, head.attributes)).astype(np.float32)
    rows[:, :2] = rng.uniform(20, 80, (head.candidates, 2))
    rows[:, 2:4] = rng.uniform(10, 40, (head.candidates, 2))
    if head.final or head.corners:
        rows[:, 2:4] += rows[:, :2]
    if head.final:
        rows[:, 5] = rng.integers(0, head.classes, head.candidates)
    return np.ascontiguousarray(rows.T if head.candidates_last else rows)[None]


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("size", [(50, 70), (200, 90)])
@pytest.mark.parametrize("conf", [0.25, 0.7, 1.0])
def test_detections_equal_the_reference(name: str, size: tuple[int, int], conf: float) -> None:
    head = HEADS[name]
    output = made_up_output(head, seed=len(name))
    task = RaceTask(Path("none.onnx"), "images", head, SPEC, 50, "fp32")
    found: Any = np.zeros((*size, 3), np.uint8)
    for _, step in frame_steps(lambda image: output, task, Thresholds(conf, 0.45)):
        found = step(found)
    conf, iou = (max(conf, 0.3), 0.6) if head.suppression else (conf, 0.45)
    expected = references.detections(output, head, SPEC, size, conf, iou, 50)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    np.testing.assert_array_equal(found.classes, expected.labels)


@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize("size", [(96, 128), (33, 200), (300, 41), (1, 1)])
def test_the_input_equals_the_reference(resize: str, color: str, size: tuple[int, int]) -> None:
    spec = InputSpec(96, 128, color, resize)
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    task = RaceTask(Path("none.onnx"), "images", ROWS, spec, 50, "fp32")
    (_, pre), *_ = frame_steps(lambda image: image, task, USUAL)
    _, image = pre(frame)
    np.testing.assert_allclose(image[0] * 255, references.letterboxed(frame, spec), atol=1e-3)

"""A frame's result of every task is that of ONNX Runtime and plain loops, as the compiled module returns it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.compiler.backends.cpu.frame.test_crop import cut
from tests.runtime.samples import noise
from tests.runtime.tasks.conftest import CLASSES, Tasks
from tests.runtime.tasks.plain import PlainModel
from zcc.runtime import Detector

SIZES = [(64, 64), (100, 200), (256, 128), (18, 36)]
FOUND = {"pose": "keypoints", "obb": "rotated"}


@cache
def loaded(home: Path, task: str) -> Detector:
    """The compiled model."""
    return Detector.load(task, registry=str(home))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("task", ["segment", "pose", "obb"])
def test_results_are_those_of_plain_loops(tasks: Tasks, task: str, size: tuple[int, int]) -> None:
    frame, plain = noise(*size), PlainModel(tasks.model(task), task, CLASSES)
    everything = plain(frame, 0.0, 1.0)
    # A threshold between two scores, so that rounding decides nothing.
    conf = float(everything.scores[len(everything.scores) // 2]) - 1e-4
    for iou in (0.3, 0.7):
        got, expected = loaded(tasks.home, task)(frame, conf, iou), plain(frame, conf, iou)
        assert len(got) == len(expected.scores) > 0
        np.testing.assert_array_equal(got.classes, expected.classes)
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-3)
        np.testing.assert_allclose(got.boxes, expected.boxes, atol=0.5)
        if task in FOUND:
            np.testing.assert_allclose(getattr(got, FOUND[task]), expected.details, atol=0.5)
        for number, mask in enumerate(expected.masks):
            assert (got.masks.full(number) != mask).sum() <= max(0.005 * mask.sum(), 3)


@pytest.mark.parametrize("size", SIZES)
def test_probabilities_are_those_of_the_file(tasks: Tasks, size: tuple[int, int]) -> None:
    frame = noise(*size)
    image = cut(frame[..., ::-1], 64, 64).transpose(2, 0, 1)[None] / np.float32(255)
    (expected,) = onnxruntime.InferenceSession(tasks.model("classify")).run(None, {"images": image})[0]
    got = loaded(tasks.home, "classify")(frame)
    np.testing.assert_allclose(got.probabilities, expected, atol=1e-2)
    assert got.top(1)[0][0] == expected.argmax()


def test_nothing_found_is_nothing(tasks: Tasks) -> None:
    for task in ("segment", "pose", "obb"):
        got = loaded(tasks.home, task)(noise(40, 50), conf=1.0)
        assert len(got) == 0 and got.extras() == []
    assert len(loaded(tasks.home, "segment")(noise(40, 50), conf=1.0).masks) == 0


def test_manifests_name_the_task(tasks: Tasks) -> None:
    shapes = {task: loaded(tasks.home, task).manifest.task for task in ("segment", "pose", "obb", "classify")}
    assert {task: (info.name, info.details, info.shape) for task, info in shapes.items()} == {
        "segment": ("segment", 32, (32, 16, 16)),
        "pose": ("pose", 15, (5, 3)),
        "obb": ("obb", 5, ()),
        "classify": ("classify", 0, ()),
    }
    assert loaded(tasks.home, "classify").manifest.input.resize == "crop"

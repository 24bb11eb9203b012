"""A frame's result of a task is that of ONNX Runtime and plain loops, as the compiled module returns it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.process import run_zcc
from tests.compiler.backends.cpu.frame.test_crop import cut
from tests.ort import session as ort_session
from tests.runtime.samples import noise
from tests.runtime.tasks.conftest import CLASSES, Tasks
from tests.runtime.tasks.plain import PlainModel
from zcc.runtime import Detector

SIZES = [(64, 64), (100, 200), (256, 128), (18, 36)]


@cache
def loaded(home: Path, task: str) -> Detector:
    """The compiled model."""
    return Detector.load(task, registry=str(home))


@pytest.mark.parametrize("size", SIZES)
def test_masks_are_those_of_plain_loops(tasks: Tasks, size: tuple[int, int]) -> None:
    frame, plain = noise(*size), PlainModel(tasks.model("segment"), "segment", CLASSES)
    everything = plain(frame, 0.0, 1.0)
    # A threshold between two scores, so that rounding decides nothing.
    conf = float(everything.scores[len(everything.scores) // 2]) - 1e-4
    for iou in (0.3, 0.7):
        got, expected = loaded(tasks.home, "segment")(frame, conf, iou), plain(frame, conf, iou)
        assert len(got) == len(expected.scores) > 0
        np.testing.assert_array_equal(got.classes, expected.classes)
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-3)
        np.testing.assert_allclose(got.boxes, expected.boxes, atol=0.5)
        for number, mask in enumerate(expected.masks):
            assert (got.masks.full(number) != mask).sum() <= max(0.005 * mask.sum(), 1)


@pytest.mark.parametrize("size", SIZES)
def test_probabilities_are_those_of_the_file(tasks: Tasks, size: tuple[int, int]) -> None:
    frame = noise(*size)
    image = cut(frame[..., ::-1], 64, 64).transpose(2, 0, 1)[None] / np.float32(255)
    (expected,) = ort_session(tasks.model("classify")).run(None, {"images": image})[0]
    got = loaded(tasks.home, "classify")(frame)
    np.testing.assert_allclose(got.probabilities, expected, atol=1e-2)
    assert got.top(1)[0][0] == expected.argmax()


def test_nothing_found_is_nothing(tasks: Tasks) -> None:
    got = loaded(tasks.home, "segment")(noise(40, 50), conf=1.0)
    assert len(got) == len(got.masks) == 0 and got.extras() == []


def test_manifests_name_the_task(tasks: Tasks) -> None:
    segment, classify = (loaded(tasks.home, task).manifest for task in ("segment", "classify"))
    assert (segment.task.name, segment.task.details, segment.task.shape) == ("segment", 32, (32, 16, 16))
    assert (classify.task.name, classify.input.resize) == ("classify", "crop")


def test_the_command_line_shows_what_a_task_finds(tasks: Tasks, tmp_path: Path) -> None:
    Image.fromarray(noise(64, 96)).save(tmp_path / "a.png")
    for task, key in (("segment", "mask"), ("classify", "score")):
        done = run_zcc("run", task, tmp_path / "a.png", "--registry", tasks.home, "--conf", "0.2", "--json",
                       "--save", tmp_path / task, "--save-txt", tmp_path / task)  # fmt: skip
        assert done.returncode == 0, done.stderr
        (image,) = json.loads(done.stdout)["images"]
        assert image["detections"] and all(key in each for each in image["detections"])
        assert (tmp_path / task / "a.jpg").is_file() and (tmp_path / task / "a.txt").read_text()

"""Which task a model is of shows in its numbers; what does not add up is refused with what was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests import onnx_models
from tests.compiler.frontend.test_load import run
from tests.onnx_models.tasks import build_task
from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators
from zcc.runtime.errors import ModelError, UsageError

Options = dict[str, Any]

EXPECTED: list[tuple[str, Options, int, int, tuple[int, ...]]] = [
    ("classify", {"classes": 7}, 7, 0, ()),
    ("segment", {}, 3, 32, (32, 16, 16)),
    ("segment", {"coefficients": 8, "prototypes": 8, "imgsz": (64, 96)}, 3, 8, (8, 16, 24)),
    ("pose", {"classes": 1}, 1, 15, (5, 3)),
    ("pose", {"keypoints": 17, "classes": 80}, 80, 51, (17, 3)),
    ("pose", {"visibility": False}, 3, 10, (5, 2)),
    ("obb", {}, 3, 5, ()),
    ("obb", {"classes": 1}, 1, 5, ()),
]


def ready(proto: onnx.ModelProto, folder: Path, classes: tuple[str, ...] | None = None) -> Model:
    """The model that the front end makes of a proto."""
    onnx.save(proto, str(folder / "model.onnx"))
    return prepare(folder / "model.onnx", None, classes, supported_operators())


@pytest.mark.parametrize(("task", "options", "classes", "details", "shape"), EXPECTED)
def test_every_task(
    task: str, options: Options, classes: int, details: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    model = ready(build_task(task, **options), tmp_path)
    assert (model.task.name, model.task.details, model.task.shape) == (task, details, shape)
    assert model.head.classes == len(model.class_names) == classes
    outputs = [output.name for output in model.proto.graph.output]
    assert outputs == ["output0", "output1"] if task == "segment" else ["output0"]
    assert model.prototypes == ("output1" if task == "segment" else None)


def test_names_say_where_scores_end(tmp_path: Path) -> None:
    assert ready(build_task("pose"), tmp_path, ("a", "b", "c")).head.classes == 3
    with pytest.raises((ModelError, UsageError)):
        ready(build_task("pose"), tmp_path, ("a", "b"))


@pytest.mark.parametrize(
    ("task", "options", "seen"),
    [
        ("segment", {"coefficients": 31}, "31 numbers behind its scores, beside output1 (1, 32, 16, 16)"),
        ("pose", {"spare": 1}, "16 numbers behind its scores"),
    ],
)
def test_what_does_not_add_up_is_refused(task: str, options: Options, seen: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="do not add up") as refused:
        ready(build_task(task, **options), tmp_path)
    assert seen in str(refused.value)
    assert "segment: those, for each box c coefficients" in str(refused.value), "what would fit"


def test_keypoints_are_those_that_the_metadata_says(tmp_path: Path) -> None:
    ready(onnx_models.with_metadata(build_task("pose"), kpt_shape="[5, 3]"), tmp_path)
    with pytest.raises(ModelError, match="the metadata says 17 x 3"):
        ready(onnx_models.with_metadata(build_task("pose"), kpt_shape="[17, 3]"), tmp_path)


def test_metadata_that_says_another_task_is_not_believed(tmp_path: Path) -> None:
    ready(onnx_models.with_metadata(build_task("obb"), task="obb"), tmp_path)
    with pytest.raises(ModelError, match="says that its task is pose, its outputs are detect"):
        ready(onnx_models.with_metadata(onnx_models.build("yolov8"), task="pose"), tmp_path)
    with pytest.raises(ModelError, match="'depth'"):
        ready(onnx_models.with_metadata(build_task("pose"), task="depth"), tmp_path)


def test_the_number_of_names_must_fit_a_classifier(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 class names do not fit the model's 3 classes"):
        ready(build_task("classify"), tmp_path, ("a", "b"))


@pytest.mark.parametrize(("task", "details", "shown"), [("pose", 15, 15), ("segment", 32, 32), ("obb", 1, 5)])
def test_models_that_choose_themselves_are_cut_before_that(task: str, details: int, shown: int, tmp_path: Path) -> None:
    model = ready(build_task("end-to-end", of=task, details=details), tmp_path, ("a", "b", "c"))
    assert (model.task.name, model.task.details) == (task, shown)
    assert (model.head.details, model.head.candidates, model.head.finished) == (details, 84, True)
    assert model.prototypes == ("output1" if task == "segment" else None)


def test_boxes_that_the_file_leaves_as_offsets_are_decoded(tmp_path: Path) -> None:
    proto = build_task("offsets", imgsz=(64, 96))
    model = ready(proto, tmp_path)
    assert (model.head.classes, model.head.objectness, model.head.candidates) == (3, True, 126)
    image = np.random.default_rng(1).random((1, 3, 64, 96), np.float32)
    expected, at = run(proto, image, "output0")[0], 0
    for stride in (8, 16, 32):
        for row in range(64 // stride):
            for column in range(96 // stride):
                expected[at, :2] = (expected[at, :2] + (column, row)) * stride
                expected[at, 2:4] = np.exp(expected[at, 2:4]) * stride
                at += 1
    np.testing.assert_allclose(run(model.proto, image, model.head.output)[0], expected, rtol=1e-4, atol=1e-4)


def test_an_objectness_that_the_graph_shows_is_no_class(tmp_path: Path) -> None:
    model = ready(build_task("decoded-offsets"), tmp_path)
    assert (model.head.family, model.head.classes, model.head.objectness) == ("anchor-based", 3, True)


@pytest.mark.parametrize("chosen", [False, True])
def test_answers_to_queries_are_boxes_in_pixels(chosen: bool, tmp_path: Path) -> None:
    proto = build_task("queries", imgsz=(64, 96))
    model = ready(build_task("queries", imgsz=(64, 96), chosen=chosen), tmp_path, ("a", "b", "c"))
    assert model.head.every_class == chosen, "a box counts for each of its classes"
    assert (model.head.family, model.head.classes, model.head.candidates) == ("queries", 3, 25)
    assert model.head.finished
    image = np.random.default_rng(1).random((1, 3, 64, 96), np.float32)
    expected = run(proto, image, "output0")
    got = run(model.proto, image, model.head.output)
    np.testing.assert_allclose(got[..., :4], expected[..., :4] * (96, 64, 96, 64), rtol=1e-4)
    np.testing.assert_allclose(got[..., 4:], expected[..., 4:], rtol=1e-4)

"""Exports that choose their detections themselves lose that ending, and their detections stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

from tests import onnx_models
from tests.ort import session as ort_session
from zcc.compiler.frontend.endings import same_rows
from zcc.compiler.frontend.greedy_nms import greedy_nms
from zcc.compiler.frontend.load import prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators
from zcc.compiler.frontend.selection import SELECTORS
from zcc.compiler.ir.heads.head import Head, Suppression
from zcc.runtime.errors import ModelError, UsageError

Array = NDArray[Any]
Options = dict[str, Any]

# Every ending, and what is read out of it: the thresholds, and whether each class counts by itself.
ENDINGS: list[tuple[str, Options, Suppression, bool]] = [
    ("yolov10", {}, Suppression(1.0, 0.0), True),
    ("yolov10", {"opset": 19, "imgsz": (320, 256), "classes": 7, "max_det": 100}, Suppression(1.0, 0.0), True),
    ("yolov8-nms", {}, Suppression(0.45, 0.25), True),
    ("yolov8-nms", {"opset": 17, "imgsz": (320, 256), "classes": 7}, Suppression(0.45, 0.25), True),
    ("yolov8-nms", {"masked": True}, Suppression(0.7, 0.55), False),
    ("yolov8-nms", {"masked": True, "opset": 17, "imgsz": (320, 256)}, Suppression(0.7, 0.55), False),
]


def ready(proto: onnx.ModelProto, folder: Path) -> Model:
    path = folder / "model.onnx"
    onnx.save(proto, str(path))
    return prepare(path, None, None, supported_operators())


def run(proto: onnx.ModelProto, image: Array) -> Array:
    session = ort_session(proto.SerializeToString())
    return np.asarray(session.run(None, {"images": image})[0])


@pytest.mark.parametrize(("family", "options", "rules", "every_class"), ENDINGS)
def test_the_detections_are_the_files(
    family: str, options: Options, rules: Suppression, every_class: bool, tmp_path: Path
) -> None:
    proto = onnx_models.build(family, **options)
    model = ready(proto, tmp_path)
    assert not {node.op_type for node in model.proto.graph.node} & (SELECTORS | {"NonZero"})
    assert model.head.every_class == every_class and model.head.suppression is not None
    assert model.head.suppression.iou == pytest.approx(rules.iou)
    assert model.head.suppression.score == pytest.approx(rules.score)
    for seed in range(3):
        image = np.random.default_rng(seed).random((1, 3, model.height, model.width), np.float32) * 2
        rows = run(proto, image)[0]
        assert (rows[:, 4] > 0).sum() > 10
        assert same_rows(greedy_nms(model.head, run(model.proto, image), len(rows)), rows)


def test_boxes_and_scores_that_never_meet_are_put_together(tmp_path: Path) -> None:
    proto = onnx_models.build("yolov8-nms")
    (nms,) = (node for node in proto.graph.node if node.op_type == "NonMaxSuppression")
    (split,) = (node for node in proto.graph.node if nms.input[1] in node.output)
    (joined,) = (node for node in proto.graph.node if split.input[0] in node.output)
    for consumer in proto.graph.node:
        for i, name in enumerate(consumer.input):
            if name in split.output:
                consumer.input[i] = joined.input[list(split.output).index(name)]
    proto.graph.node.remove(split)
    proto.graph.node.remove(joined)
    model = ready(proto, tmp_path)
    assert model.head.output == "zcc_candidates" and model.head.corners
    image = np.random.default_rng(5).random((1, 3, 64, 64), np.float32)
    rows = run(proto, image)[0]
    assert same_rows(greedy_nms(model.head, run(model.proto, image), len(rows)), rows)


def with_other_rows(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its rows' boxes moved a little, in a way that no rule explains."""
    last = proto.graph.node[-1]
    shift = np.array([1, 1, 1, 1, 0, 0], np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(shift, "shift"))
    proto.graph.node.insert(len(proto.graph.node) - 1, helper.make_node("Add", [last.input[0], "shift"], ["moved"]))
    proto.graph.node[-1].input[0] = "moved"
    return proto


@pytest.mark.parametrize("family", ["yolov10", "yolov8-nms"])
def test_an_ending_that_cannot_be_explained_is_refused(family: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="chooses its detections of 4 classes in a way that zcc does not know"):
        ready(with_other_rows(onnx_models.build(family)), tmp_path)


@pytest.mark.parametrize("family", ["yolov10", "yolov8-nms"])
def test_too_few_class_names_are_told_as_that(family: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(onnx_models.build(family, classes=7), path)
    with pytest.raises(UsageError, match="3 class names do not fit the model's 7 classes"):
        prepare(path, None, ("a", "b", "c"), supported_operators())


def plain_nms(rows: Array, iou: float) -> list[int]:
    """Which rows stay, in loops over plain numbers."""
    kept: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: -rows[i][4]):
        for j in kept:
            across = min(rows[i][2], rows[j][2]) - max(rows[i][0], rows[j][0])
            down = min(rows[i][3], rows[j][3]) - max(rows[i][1], rows[j][1])
            inner = max(across, 0) * max(down, 0)
            areas = [(rows[k][2] - rows[k][0]) * (rows[k][3] - rows[k][1]) for k in (i, j)]
            if rows[i][5] == rows[j][5] and inner > iou * (sum(areas) - inner):
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("seed", range(3))
def test_greedy_nms_equals_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, scores = rng.uniform(0, 60, (80, 2)), rng.random((80, 3))
    rows = np.column_stack([boxes, boxes + rng.uniform(5, 40, (80, 2)), scores.max(1), scores.argmax(1)])
    head = Head("test", "out", 80, 3, False, True, corners=True, suppression=Suppression(0.4, 0.2))
    found = greedy_nms(head, np.column_stack([rows[:, :4], scores]).T[None], 300)
    wanted = rows[rows[:, 4] > 0.2]
    np.testing.assert_allclose(found, wanted[plain_nms(wanted, 0.4)], rtol=1e-6)

"""The shipped detector detects: on scenes drawn here, and on the shipped pictures, by ONNX Runtime."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import onnx
import pytest

from examples.shapes.generate import write_scenes
from examples.shapes.outlines import CLASSES
from examples.shapes.pictures import PICTURES
from examples.shapes.reference import ReferenceDetector
from examples.shapes.scenes import PICTURES_SEED, make_scene
from zcc import sample
from zcc.compiler.frontend.images import image_size
from zcc.compiler.quality.coco_map import mean_average_precision
from zcc.compiler.quality.dataset import load_dataset
from zcc.compiler.quality.evaluate import evaluate
from zcc.compiler.quality.labelled_scene import LabelledScene

UNSEEN_SEED = 555_000  # neither trained on nor measured with


@pytest.fixture(scope="module")
def detector() -> ReferenceDetector:
    return ReferenceDetector(sample.MODEL)


def test_the_file_is_as_exporters_leave_it() -> None:
    model = onnx.load(sample.MODEL)
    onnx.checker.check_model(model, full_check=True)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert ast.literal_eval(properties["names"]) == dict(enumerate(CLASSES))
    assert (properties["stride"], properties["imgsz"]) == ("32", "[320, 320]")
    assert model.opset_import[0].version >= 13
    assert _shape(model.graph.input) == [1, 3, 320, 320]
    assert _shape(model.graph.output) == [1, 4 + len(CLASSES), 2100]
    assert sample.MODEL.stat().st_size <= 5_000_000


def _shape(values: list[onnx.ValueInfoProto]) -> list[int]:
    (value,) = values
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def test_it_detects_in_unseen_scenes(detector: ReferenceDetector, tmp_path: Path) -> None:
    write_scenes(tmp_path, count=24, seed=UNSEEN_SEED)
    result = evaluate(detector, load_dataset(tmp_path))
    assert result.map50 >= 0.90
    assert result.map50_95 >= 0.70
    assert set(result.per_class) == set(range(len(CLASSES)))


def test_it_finds_the_shapes_in_the_shipped_pictures(detector: ReferenceDetector) -> None:
    scenes = {path: make_scene(PICTURES_SEED, PICTURES[path.stem]) for path in sample.IMAGES}
    labels = [
        LabelledScene(path, scene.boxes, scene.classes, np.zeros(len(scene.classes), bool))
        for path, scene in scenes.items()
    ]
    found = [detector(label.image(), conf=0.25, iou=0.45) for label in labels]
    assert mean_average_precision(labels, found).map50 >= 0.85


def test_the_shipped_pictures_are_small_files_of_several_sizes() -> None:
    assert len({image_size(path) for path in sample.IMAGES}) == len(sample.IMAGES) >= 4
    assert all(path.stat().st_size < 150_000 for path in sample.IMAGES)

"""Whatever an exporter wrote, the front end gives one float32 network that computes the same detections."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from tests import onnx_models
from tests.ort import session as ort_session
from zcc.compiler.frontend.load import load_model, prepare
from zcc.compiler.frontend.model import Model
from zcc.compiler.frontend.operators import supported_operators
from zcc.runtime.errors import ModelError, UsageError

Options = dict[str, Any]

# The family expected of each model, by builder name and options.
EXPECTED: list[tuple[str, Options, str]] = [
    ("yolov3", {}, "anchor-based"),
    ("yolov3-tiny", {}, "anchor-based"),
    ("yolov5", {}, "anchor-based"),
    ("yolov5", {"inplace": True}, "anchor-based"),
    ("yolov5", {"raw_maps": True}, "anchor-based"),
    ("yolov5", {"classes": 1}, "anchor-based"),
    ("yolov5", {"classes": 80, "imgsz": (96, 160)}, "anchor-based"),
    ("yolov8", {}, "anchor-free"),
    ("yolov8", {"classes": 2}, "anchor-free"),
    ("yolov8", {"classes": 80}, "anchor-free"),
    ("yolov8", {"classes": 1, "imgsz": (32, 320)}, "anchor-free"),
    ("yolov8", {"transposed": True}, "anchor-free-rows"),
    ("yolov8", {"transposed": True, "classes": 2}, "anchor-free-rows"),
    ("yolo11", {}, "anchor-free"),
]


@pytest.fixture(scope="module")
def supported() -> frozenset[str]:
    return supported_operators()


def ready(proto: onnx.ModelProto, folder: Path, supported: frozenset[str], **arguments: Any) -> Model:
    """The model that the front end makes of a proto."""
    path = folder / "model.onnx"
    onnx.save(proto, str(path))
    return prepare(path, arguments.get("imgsz"), arguments.get("classes"), supported)


def run(proto: onnx.ModelProto, image: NDArray[Any], output: str) -> NDArray[Any]:
    """One output in ONNX Runtime."""
    session = ort_session(proto.SerializeToString())
    return np.asarray(session.run([output], {proto.graph.input[0].name: image})[0])


def assert_equal(model: Model, original: onnx.ModelProto, tolerance: float = 1e-4) -> None:
    """The model has one static float32 input and output, and computes what the original does."""
    (image,), (output,) = model.proto.graph.input, model.proto.graph.output
    assert image.type.tensor_type.elem_type == output.type.tensor_type.elem_type == TensorProto.FLOAT
    assert [dim.dim_value for dim in image.type.tensor_type.shape.dim] == [1, 3, model.height, model.width]
    assert tuple(dim.dim_value for dim in output.type.tensor_type.shape.dim) == model.head.shape
    noise = np.random.default_rng(2).random((1, 3, model.height, model.width), np.float32)
    half = original.graph.input[0].type.tensor_type.elem_type == TensorProto.FLOAT16
    expected = run(original, noise.astype(np.float16) if half else noise, model.head.output)
    got = run(model.proto, noise, model.head.output)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize(("family", "options", "expected"), EXPECTED)
def test_every_family(family: str, options: Options, expected: str, tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.build(family, **options)
    model = ready(proto, tmp_path, supported)
    assert (model.head.family, model.head.classes) == (expected, options.get("classes", 4))
    assert (model.height, model.width) == options.get("imgsz", (64, 64))
    assert model.class_names == tuple(f"class{i}" for i in range(model.head.classes))
    assert_equal(model, proto)


@pytest.mark.parametrize("opset", [11, 12, 13, 14, 16, 18, 20])
@pytest.mark.parametrize("family", ["yolov5", "yolo11"])
def test_every_opset(family: str, opset: int, tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.build(family, opset=opset)
    assert_equal(ready(proto, tmp_path, supported), proto)


@pytest.mark.parametrize("family", ["yolov5", "yolo11"])
def test_half_precision(family: str, tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.build(family)
    stored, throughout = onnx_models.with_fp16_weights(proto), onnx_models.with_fp16(proto)
    assert_equal(ready(stored, tmp_path, supported), stored)
    assert_equal(ready(throughout, tmp_path, supported), throughout, tolerance=0.05)


def test_sides_are_multiples_of_the_stride_that_the_exporter_left(tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.with_metadata(onnx_models.with_dynamic_axes(onnx_models.build("yolov8")), stride="64")
    with pytest.raises(UsageError, match=r"multiples of 64.* take --imgsz 128x64"):
        ready(proto, tmp_path, supported, imgsz=(96, 64))


@pytest.mark.parametrize("family", ["yolov5", "yolov8"])
def test_dynamic_axes_are_pinned(family: str, tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.build(family, imgsz=(64, 96))
    dynamic = onnx_models.with_dynamic_axes(proto)
    assert_equal(ready(dynamic, tmp_path, supported, imgsz=(64, 96)), proto)
    stated = onnx_models.with_metadata(dynamic, imgsz="[64, 96]")
    assert_equal(ready(stated, tmp_path, supported), proto)
    with pytest.raises(UsageError, match="--imgsz 640x640"):
        ready(dynamic, tmp_path, supported)


def test_a_size_the_graph_cannot_take_is_refused(tmp_path: Path, supported: frozenset[str]) -> None:
    dynamic = onnx_models.with_dynamic_axes(onnx_models.build("yolov5"))
    with pytest.raises(ModelError):
        ready(dynamic, tmp_path, supported, imgsz=(96, 96))


def test_further_outputs_are_pruned(tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.with_extra_outputs(onnx_models.build("yolov8"))
    plain = ready(onnx_models.build("yolov8"), tmp_path, supported)
    model = ready(proto, tmp_path, supported)
    assert_equal(model, proto)
    assert len(model.proto.graph.node) == len(plain.proto.graph.node)


def test_class_names_come_from_the_metadata_or_are_given(tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.with_metadata(onnx_models.build("yolov8", classes=2), names="{0: 'cat', 1: \"a 'dog'\"}")
    assert ready(proto, tmp_path, supported).class_names == ("cat", "a 'dog'")
    assert ready(proto, tmp_path, supported, classes=("x", "y")).class_names == ("x", "y")
    with pytest.raises(UsageError, match="3 class names do not fit the model's 2 classes"):
        ready(proto, tmp_path, supported, classes=("x", "y", "z"))


@pytest.mark.parametrize("what", sorted(onnx_models.REFUSED))
def test_models_of_no_task_are_refused(what: str, tmp_path: Path, supported: frozenset[str]) -> None:
    with pytest.raises(ModelError, match=r"gives output0 \(1, .*zcc compiles "):
        ready(onnx_models.build_refused(what), tmp_path, supported)


def test_damaged_weights_are_noticed(tmp_path: Path, supported: frozenset[str]) -> None:
    proto = onnx_models.build("yolov8")
    weight = onnx.numpy_helper.to_array(proto.graph.initializer[2]).copy()
    weight.flat[0] = np.nan
    proto.graph.initializer[2].CopyFrom(onnx.numpy_helper.from_array(weight, proto.graph.initializer[2].name))
    with pytest.raises(ModelError, match="weights are damaged"):
        ready(proto, tmp_path, supported)


def test_load_model_runs_it_all_in_a_process_of_its_own(tmp_path: Path) -> None:
    proto = onnx_models.build("yolov8", classes=3)
    path, names = tmp_path / "model.onnx", tmp_path / "names.txt"
    onnx.save(proto, str(path))
    names.write_text("one\ntwo\nthree\n")
    model = load_model(path, imgsz=(64, 64), classes=names)
    assert_equal(model, proto)
    assert model.class_names == ("one", "two", "three")
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UsageError, match="fixed at 64 pixels"):
        load_model(path, imgsz=(96, 64))


def test_external_data_are_found_beside_the_model(tmp_path: Path) -> None:
    proto = onnx_models.build("yolov8")
    path = tmp_path / "model.onnx"
    onnx_models.save_with_external_data(proto, path)
    model = load_model(path)
    assert_equal(model, proto)
    weights = tmp_path / "weights.bin"
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(bytes(content))
    assert load_model(path).sha256 != model.sha256
    weights.unlink()
    with pytest.raises(ModelError, match=r"keeps weights in weights\.bin, which cannot be read"):
        load_model(path)

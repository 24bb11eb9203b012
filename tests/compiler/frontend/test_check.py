"""Versions, operators and inputs that cannot be compiled are named, with the way out."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from tests import onnx_models
from zcc.compiler.frontend.check import check_model, pin_input
from zcc.runtime.errors import ModelError, UsageError


def dims(proto: onnx.ModelProto) -> list[onnx.TensorShapeProto.Dimension]:
    return list(proto.graph.input[0].type.tensor_type.shape.dim)


def with_opset(version: int) -> onnx.ModelProto:
    proto = onnx_models.build("yolov8")
    proto.opset_import[0].version = version
    return proto


def with_plugin() -> onnx.ModelProto:
    proto = onnx_models.build("yolov8")
    proto.graph.node[-1].op_type = "EfficientNMS_TRT"
    return proto


def with_dangling_input() -> onnx.ModelProto:
    proto = onnx_models.build("yolov8")
    proto.graph.node[0].input[0] = "nowhere"
    return proto


def with_new_ir() -> onnx.ModelProto:
    proto = onnx_models.build("yolov8")
    proto.ir_version = 99
    return proto


UNSOUND: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "old opset": (lambda: with_opset(10), "opset 10; export the model with opset 11 to 20"),
    "new opset": (lambda: with_opset(99), "opset 99; export the model with opset 11 to 20"),
    "new IR": (with_new_ir, "IR version 99"),
    "plugin": (with_plugin, "operator EfficientNMS_TRT .* is not a standard ONNX operator"),
    "dangling": (with_dangling_input, "not valid.*nowhere"),
}


@pytest.mark.parametrize("kind", UNSOUND)
def test_unsound_models_are_refused(kind: str) -> None:
    make, message = UNSOUND[kind]
    with pytest.raises(ModelError, match=message):
        check_model(make())


def with_two_inputs(proto: onnx.ModelProto) -> None:
    proto.graph.input.append(helper.make_tensor_value_info("image_shape", TensorProto.FLOAT, (1, 2)))


def with_bytes(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def with_dim(axis: int, size: int) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        dims(proto)[axis].dim_value = size

    return change


def without_shape(proto: onnx.ModelProto) -> None:
    proto.graph.input[0].type.tensor_type.ClearField("shape")


INPUTS: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "two": (with_two_inputs, r"2 inputs: images \(1, 3, 64, 64\), image_shape \(1, 2\)"),
    "bytes": (with_bytes, "not of a float type"),
    "grey": (with_dim(1, 1), r"images \(1, 1, 64, 64\)"),
    "odd": (with_dim(2, 65), "65 pixels is not a multiple of 32"),
    "negative": (with_dim(3, -64), "-64 pixels is not a multiple of 32"),
    "huge": (with_dim(3, 2**40), "is not a multiple of 32, at most 8192"),
    "no shape": (without_shape, r"the model's input is images \(\)"),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_inputs_that_are_no_image(kind: str) -> None:
    change, message = INPUTS[kind]
    proto = onnx_models.build("yolov8")
    change(proto)
    with pytest.raises(ModelError, match=message):
        pin_input(proto, None)


@pytest.mark.parametrize(
    ("imgsz", "remedy"),
    [((100, 64), "--imgsz 96x64"), ((0, 64), "--imgsz 32x64"), ((64, -1), "64x32"), ((64, 99999), "64x8192")],
)
def test_impossible_sizes_name_the_nearest_possible(imgsz: tuple[int, int], remedy: str) -> None:
    with pytest.raises(UsageError, match=remedy):
        pin_input(onnx_models.build("yolov8"), imgsz)


def test_weights_listed_as_inputs_are_no_inputs() -> None:
    proto = onnx_models.build("yolov8")
    tensor = proto.graph.initializer[0]
    proto.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert pin_input(proto, None) == (64, 64)


def test_partly_dynamic_inputs_take_the_missing_side() -> None:
    proto = onnx_models.with_dynamic_axes(onnx_models.build("yolov8", imgsz=(64, 96)))
    dims(proto)[2].dim_value = 64
    assert pin_input(proto, (64, 128)) == (64, 128)
    assert [dim.dim_value for dim in dims(proto)] == [1, 3, 64, 128]

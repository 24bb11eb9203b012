"""The same model as other tools quantise it: pairs of QuantizeLinear and DequantizeLinear around its operators."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from tests.onnx_models.variants import clone
from tests.ort import session as ort_session

Array = NDArray[Any]


def pictures(proto: onnx.ModelProto, count: int = 3) -> list[NDArray[np.float32]]:
    """Noise of the model's input size; each has a black pixel and a white one."""
    rng = np.random.default_rng(7)
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    images = [rng.random(shape, np.float32) for _ in range(count)]
    for image in images:
        image[..., 0, :2] = 0, 1
    return images


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, proto: onnx.ModelProto) -> None:
        name = proto.graph.input[0].name
        self.feeds: Iterator[dict[str, Array]] = iter([{name: image} for image in pictures(proto)])

    def get_next(self) -> dict[str, Array] | None:
        return next(self.feeds, None)


def by_onnxruntime(
    proto: onnx.ModelProto, folder: Path, maps: str = "u8", head: bool = False, qdq: bool = True, **extra: object
) -> onnx.ModelProto:
    """By ONNX Runtime's static quantisation; without `head`, only up to the last convolutions of its body."""
    given, made = folder / "float.onnx", folder / "quantised.onnx"
    onnx.save(proto, given)
    logging.disable(logging.WARNING)
    quantize_static(
        given,
        made,
        _Reader(proto),
        quant_format=QuantFormat.QDQ if qdq else QuantFormat.QOperator,
        per_channel=True,
        activation_type={"u8": QuantType.QUInt8, "s8": QuantType.QInt8, "s16": QuantType.QInt16}[maps],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[] if head else behind_convolutions(proto),
        extra_options=extra,
    )
    logging.disable(logging.NOTSET)
    return onnx.load(made)


def behind_convolutions(proto: onnx.ModelProto) -> list[str]:
    """The names of the nodes that decode: no convolution of many channels depends on them."""
    weights = {tensor.name: tensor for tensor in proto.graph.initializer}
    wanted: set[str] = set()
    decoding = []
    for node in reversed(proto.graph.node):
        of_body = node.op_type == "Conv" and weights[node.input[1]].dims[0] > 1
        if of_body or wanted & set(node.output):
            wanted.update(node.input)
        else:
            decoding.append(node.name)
    return decoding


def values_of(proto: onnx.ModelProto, names: list[str]) -> dict[str, list[Array]]:
    """What some values within the model are for each of the pictures."""
    asked = clone(proto)
    asked.graph.ClearField("output")
    asked.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = ort_session(asked.SerializeToString())
    runs = [session.run(names, {proto.graph.input[0].name: image}) for image in pictures(proto)]
    return {name: [run[index] for run in runs] for index, name in enumerate(names)}


def around_convolutions(proto: onnx.ModelProto, float_layers: int = 0) -> onnx.ModelProto:
    """As trainers for TensorRT write it: signed and symmetric, around the inputs of convolutions alone, each its own.

    Weights stay floats with a pair behind them. The first `float_layers` convolutions of the body are left out.
    """
    copy = clone(proto)
    skipped = {*behind_convolutions(proto)}
    convs = [node for node in copy.graph.node if node.op_type == "Conv" and node.name not in skipped][float_layers:]
    seen = values_of(proto, sorted({node.input[0] for node in convs} - {proto.graph.input[0].name}))
    seen[proto.graph.input[0].name] = list(pictures(proto))
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in copy.graph.initializer}
    before: dict[str, list[onnx.NodeProto]] = {}
    for node in convs:
        largest = max(float(np.abs(value).max()) for value in seen[node.input[0]])
        x = add_pair(copy, node.input[0], f"{node.name}_x", np.float32(largest / 127), np.int8(0))
        steps = np.abs(weights[node.input[1]]).max(axis=(1, 2, 3)) / np.float32(127)
        weight = add_pair(copy, node.input[1], f"{node.name}_weight", steps, np.zeros(len(steps), np.int8), axis=0)
        before[node.name] = [*x, *weight]
        node.input[0], node.input[1] = x[1].output[0], weight[1].output[0]
    nodes = [made for node in copy.graph.node for made in (*before.get(node.name, []), node)]
    copy.graph.ClearField("node")
    copy.graph.node.extend(nodes)
    return copy


def add_pair(
    proto: onnx.ModelProto, source: str, name: str, scale: Array, zero: Array, **attributes: object
) -> list[onnx.NodeProto]:
    """A pair behind `source`, not yet among the nodes, its scale and zero point among the weights."""
    names = [f"{name}_scale", f"{name}_zero"]
    for key, value in zip(names, (scale, zero), strict=True):
        proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value), key))
    return [
        helper.make_node("QuantizeLinear", [source, *names], [f"{name}_bytes"], name=f"{name}_q", **attributes),
        helper.make_node(
            "DequantizeLinear", [f"{name}_bytes", *names], [f"{name}_real"], name=f"{name}_dq", **attributes
        ),
    ]


def chain(channels: int = 8, zero: int = 0, dtype: type = np.uint8, scale: float = 0.05) -> onnx.ModelProto:
    """A convolution, a pair, and another convolution, of an image of 16x16."""
    rng = np.random.default_rng(3)
    shapes = {"w0": (channels, 3, 3, 3), "w1": (channels, channels, 3, 3)}
    weights = [numpy_helper.from_array(rng.normal(0, 0.3, s).astype(np.float32), n) for n, s in shapes.items()]
    graph = helper.make_graph(
        [],
        "chain",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 16, 16))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, channels, 16, 16))],
        weights,
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    pair = add_pair(proto, "a", "map", np.float32(scale), dtype(zero))
    conv = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}
    first = helper.make_node("Conv", ["images", "w0"], ["a"], name="first", **conv)
    proto.graph.node.extend(
        [first, *pair, helper.make_node("Conv", ["map_real", "w1"], ["out"], name="second", **conv)]
    )
    return proto

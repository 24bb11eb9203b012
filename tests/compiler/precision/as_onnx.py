"""A network as an ONNX graph, so that ONNX Runtime can say what its maps must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zcc.compiler.ir.ops import (
    Attention,
    Concat,
    Conv,
    MaxPool,
    Network,
    Op,
    Pointwise,
    Resize,
    Shuffle,
    Slice,
)
from zcc.compiler.ir.tensors import Channelwise, Combine, Stage, Tensor

OPERATORS = {"add": "Add", "subtract": "Sub", "multiply": "Mul"}
UNARY = {"relu": "Relu", "sigmoid": "Sigmoid"}


class Writer:
    """Collects the nodes; a subclass may change what becomes of a tensor once it is made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.names: dict[Tensor, str] = {}

    def add(self, kind: str, inputs: Sequence[str], **attributes: object) -> str:
        """Add a node and return the name of its output."""
        name = f"node{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: np.ndarray) -> str:
        """Add a constant."""
        name = f"constant{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def made(self, tensor: Tensor, name: str) -> str:
        """The name under which others read a tensor that the node `name` makes."""
        return name

    def weight(self, conv: Conv) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias of a convolution."""
        return conv.weight, conv.bias

    def stages(self, name: str, stages: Sequence[Stage]) -> str:
        """Elementwise stages behind a node."""
        for stage in stages:
            name = self._stage(name, stage)
        return name

    def _stage(self, name: str, stage: Stage) -> str:
        if isinstance(stage, Combine):
            return self.add(OPERATORS[stage.operator], [name, self.names[stage.other]])
        if isinstance(stage, Channelwise):
            return self.add(OPERATORS[stage.operator], [name, self.constant(stage.values.reshape(1, -1, 1, 1))])
        if stage.name == "silu":
            return self.add("Mul", [name, self.add("Sigmoid", [name])])
        if stage.name == "leaky_relu":
            return self.add("LeakyRelu", [name], alpha=stage.parameters[0])
        return self.add(UNARY[stage.name], [name])

    def graph(self, network: Network, results: Sequence[Tensor], ops: Sequence[Op]) -> onnx.ModelProto:
        """The model that computes `results` by `ops`."""
        self.names[network.image] = "image"
        for op in ops:
            self.names[op.out] = self.made(op.out, WRITERS[type(op)](self, op))
        shapes = [helper.make_tensor_value_info(self.names[t], TensorProto.FLOAT, t.shape) for t in results]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, network.image.shape)
        graph = helper.make_graph(self.nodes, "network", [image], shapes, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _conv(w: Writer, op: Conv) -> str:
    weight, bias = w.weight(op)
    top, left, bottom, right = op.padding
    inputs = [w.names[op.x], w.constant(weight), w.constant(bias)]
    name = w.add(
        "Conv", inputs, strides=op.stride, dilations=op.dilation, group=op.groups, pads=[top, left, bottom, right]
    )
    return w.stages(name, op.stages)


def _max_pool(w: Writer, op: MaxPool) -> str:
    far = [
        (out - 1) * stride + kernel - near - size
        for out, stride, kernel, near, size in zip(
            op.out.shape[2:], op.stride, op.kernel, op.padding, op.x.shape[2:], strict=True
        )
    ]
    pads = [*op.padding, *(max(pad, 0) for pad in far)]
    return w.add("MaxPool", [w.names[op.x]], kernel_shape=op.kernel, strides=op.stride, pads=pads)


def _resize(w: Writer, op: Resize) -> str:
    scales = w.constant(np.array([1, 1, *op.factor], np.float32))
    return w.add("Resize", [w.names[op.x], "", scales], mode="nearest", nearest_mode="floor",
                 coordinate_transformation_mode="asymmetric")  # fmt: skip


def _slice(w: Writer, op: Slice) -> str:
    bounds = [w.constant(np.array([value], np.int64)) for value in (op.begin, op.begin + op.out.shape[1], 1)]
    return w.add("Slice", [w.names[op.x], *bounds])


def _attention(w: Writer, op: Attention) -> str:
    """Softmax over the keys of scale * queries . keys, times the values, head by head."""

    def headed(tensor: Tensor) -> str:
        _, channels, height, width = tensor.shape
        shape = np.array([op.heads, channels // op.heads, height * width], np.int64)
        return w.add("Reshape", [w.names[tensor], w.constant(shape)])

    queries = w.add("Transpose", [headed(op.query)], perm=[0, 2, 1])
    scores = w.add("Mul", [w.add("MatMul", [queries, headed(op.key)]), w.constant(np.float32(op.scale))])
    weights = w.add("Transpose", [w.add("Softmax", [scores], axis=2)], perm=[0, 2, 1])
    shape = w.constant(np.array(op.out.shape, np.int64))
    return w.add("Reshape", [w.add("MatMul", [headed(op.value), weights]), shape])


WRITERS: dict[type[Op], Callable[[Writer, Op], str]] = {
    Conv: _conv,
    MaxPool: _max_pool,
    Resize: _resize,
    Slice: _slice,
    Shuffle: lambda w, op: w.add("Gather", [w.names[op.x], w.constant(np.asarray(op.order, np.int64))], axis=1),
    Attention: _attention,
    Concat: lambda w, op: w.add("Concat", [w.names[part] for part in op.parts], axis=1),
    Pointwise: lambda w, op: w.stages(w.names[op.x], op.stages),
}

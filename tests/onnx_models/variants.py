"""The same model the way other exporters would have written it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def with_metadata(proto: onnx.ModelProto, **entries: str) -> onnx.ModelProto:
    """A copy that carries metadata, such as `names` or `task`."""
    copy = clone(proto)
    helper.set_model_props(copy, entries)
    return copy


def with_fp16_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that stores its weights in half precision and casts each to float32 where it is used."""
    copy = clone(proto)
    casts = []
    for tensor in copy.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            stored = f"{tensor.name}_fp16"
            casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(as_half(tensor, stored))
    nodes = [*casts, *copy.graph.node]
    copy.graph.ClearField("node")
    copy.graph.node.extend(nodes)
    return copy


def with_fp16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in half precision throughout: weights, constants, input and outputs."""
    copy = clone(proto)
    for tensor in copy.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(as_half(tensor, tensor.name))
    for node in copy.graph.node:
        halve_attributes(node, keep_constant=keeps_float(copy, node))
    cast_suppression_inputs(copy)
    for value in [*copy.graph.input, *copy.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return copy


def halve_attributes(node: onnx.NodeProto, keep_constant: bool) -> None:
    """Turn a node's float32 constants, and the casts to float32, to half precision."""
    for attribute in node.attribute:
        if attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT and not keep_constant:
            attribute.t.CopyFrom(as_half(attribute.t, attribute.t.name))
        if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16


def cast_suppression_inputs(proto: onnx.ModelProto) -> None:
    """NonMaxSuppression takes float32 alone, so its boxes and scores are cast for it."""
    nodes = []
    for node in proto.graph.node:
        if node.op_type == "NonMaxSuppression":
            for i, name in enumerate(node.input[:2]):
                nodes.append(helper.make_node("Cast", [name], [f"{name}_fp32"], to=TensorProto.FLOAT))
                node.input[i] = f"{name}_fp32"
        nodes.append(node)
    proto.graph.ClearField("node")
    proto.graph.node.extend(nodes)


def keeps_float(proto: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    """Whether a constant feeds Resize, whose scales and regions are float32 in any model."""
    return any(
        user.op_type in ("Resize", "NonMaxSuppression") and set(node.output) & set(user.input[1:])
        for user in proto.graph.node
    )


def as_half(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    """The tensor in half precision."""
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name)


def with_dynamic_axes(proto: onnx.ModelProto, batch: bool = True, size: bool = True) -> onnx.ModelProto:
    """A copy whose input and outputs declare symbolic batch and size."""
    copy = clone(proto)
    dims = copy.graph.input[0].type.tensor_type.shape.dim
    for axis, name, wanted in ((0, "batch", batch), (2, "height", size), (3, "width", size)):
        if wanted:
            dims[axis].dim_param = name
    for output in copy.graph.output:
        shape = output.type.tensor_type.shape.dim
        shape[0].dim_param = "batch"
        if size:
            shape[1].dim_param, shape[2].dim_param = f"{output.name}_1", f"{output.name}_2"
    return copy


def with_batch(proto: onnx.ModelProto, frames: int) -> onnx.ModelProto:
    """A copy that takes several frames at a time: whatever shape begins with one frame begins with so many."""
    copy = clone(proto)
    shapes = {node.input[1] for node in copy.graph.node if node.op_type in ("Reshape", "Expand")}
    for node in copy.graph.node:
        if node.op_type == "Constant" and node.output[0] in shapes:
            shape = numpy_helper.to_array(node.attribute[0].t).copy()
            shape[0] = frames if shape[0] == 1 else shape[0]
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(shape))
    for value in [*copy.graph.input, *copy.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = frames
    return copy


def with_relu(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with a ReLU for every SiLU."""
    copy = clone(proto)
    sigmoids = {node.output[0]: node for node in copy.graph.node if node.op_type == "Sigmoid"}
    for node in copy.graph.node:
        sigmoid = sigmoids.get(node.input[1]) if node.op_type == "Mul" else None
        if sigmoid is not None and sigmoid.input[0] == node.input[0]:
            node.op_type = "Relu"
            del node.input[1]
            copy.graph.node.remove(sigmoid)
    return copy


def with_extra_outputs(proto: onnx.ModelProto, count: int = 2) -> onnx.ModelProto:
    """A copy that also gives away some convolutions' outputs."""
    copy = clone(proto)
    names = [node.output[0] for node in copy.graph.node if node.op_type == "Conv"][-count:]
    inferred = onnx.shape_inference.infer_shapes(copy)
    copy.graph.output.extend(value for value in inferred.graph.value_info if value.name in names)
    return copy


def save_with_external_data(proto: onnx.ModelProto, path: Path, data: str = "weights.bin") -> None:
    """Write the model with its weights in a file beside it."""
    onnx.save(clone(proto), str(path), save_as_external_data=True, location=data, size_threshold=0)


def clone(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that can be changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    return copy

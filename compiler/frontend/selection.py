"""Graphs that end by choosing detections themselves."""

from __future__ import annotations

from collections.abc import Collection

import onnx
from onnx import numpy_helper

from zcc.compiler.frontend.prune import ancestors

SELECTORS = frozenset({"TopK", "NonMaxSuppression"})
# Operators that find the best of a candidate's classes.
BEST_OF = frozenset({"ReduceMax", "ArgMax"})


def selects(nodes: Collection[onnx.NodeProto]) -> bool:
    """Whether candidates are chosen among these nodes."""
    return any(node.op_type in SELECTORS for node in nodes)


def classes_selected_from(proto: onnx.ModelProto, output: str) -> int:
    """How many classes the selection looked at, or 0 where the graph does not show it.

    Any of three marks may be there: the scores given to an NMS, the axis over which the best class is found,
    and the divisor that takes an index over candidates and classes apart.
    """
    nodes = ancestors(proto.graph, output)
    shapes = static_shapes(proto)
    numbers = scalars(proto)
    marks = [0]
    for node in nodes:
        shape = shapes.get(node.input[0]) if node.input else None
        if node.op_type == "NonMaxSuppression" and (scores := shapes.get(node.input[1])):
            marks.append(scores[1])
        if node.op_type in BEST_OF and shape and len(shape) == 3:
            marks.append(min(shape[1:]))
        if node.op_type == "Mod":
            marks.append(int(numbers.get(node.input[1], 0)))
    return max(marks)


def static_shapes(proto: onnx.ModelProto) -> dict[str, list[int]]:
    """The shapes that inference found, of the values for which all of it is known."""
    values = [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]
    shapes = {value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in values}
    return {name: shape for name, shape in shapes.items() if shape and all(shape)}


def scalars(proto: onnx.ModelProto) -> dict[str, float]:
    """The constants of one element."""
    tensors = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            tensors[node.output[0]] = node.attribute[0].t
    small = {name: tensor for name, tensor in tensors.items() if all(size == 1 for size in tensor.dims)}
    return {name: float(numpy_helper.to_array(tensor).item()) for name, tensor in small.items()}

"""Values of a graph that cannot be less than zero, as far as operators tell."""

from __future__ import annotations

from collections.abc import Collection

import onnx

ALWAYS = frozenset({"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax", "Sqrt"})
# Operators of which all inputs count, and those that only move the values of their first.
JOINING = frozenset({"Add", "Concat", "Max", "Mul"})
MOVING = frozenset(
    {
        *("AveragePool", "Clip", "DepthToSpace", "Dropout", "Flatten", "Gather", "GlobalAveragePool", "Identity"),
        *("MaxPool", "Min", "ReduceMax", "Reshape", "Resize", "Slice", "SpaceToDepth", "Split", "Squeeze"),
        *("Transpose", "Unsqueeze"),
    }
)


def is_nonnegative(node: onnx.NodeProto, known: Collection[str]) -> bool:
    """Whether what the node makes is never less than zero, when the `known` values are not."""
    if node.op_type == "Clip":
        return any(name in known for name in node.input[:2])
    if node.op_type in MOVING:
        return node.input[0] in known
    return node.op_type in ALWAYS or (node.op_type in JOINING and all(name in known for name in node.input))

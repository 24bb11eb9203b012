"""Values within a graph made outputs of it."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

from zcc.compiler.frontend.selection import static_shapes


def with_outputs(proto: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """The graph with float values of known shape as outputs behind its own."""
    extended = onnx.ModelProto()
    extended.CopyFrom(proto)
    shapes = static_shapes(onnx.shape_inference.infer_shapes(proto))
    extended.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in names)
    return extended


def inner_maps(proto: onnx.ModelProto) -> list[str]:
    """The names of all feature maps (1, C, H, W) that nodes make and that are no outputs, in their order."""
    shapes = static_shapes(onnx.shape_inference.infer_shapes(proto))
    known = {value.name for value in proto.graph.output}
    made = [name for node in proto.graph.node if node.op_type != "Constant" for name in node.output]
    return [name for name in made if name not in known and len(shapes.get(name, [])) == 4 and shapes[name][0] == 1]

"""Whether an objectness stands before the classes, where numbers and their count allow both: the graph shows it.

Who decodes boxes within the file, as YOLOX can, leaves rows of a box and probabilities. One that is apart from the
others on the way there, joined to them behind the box, is the objectness.
"""

from __future__ import annotations

from itertools import accumulate

import onnx

from zcc.compiler.frontend.prune import ancestors
from zcc.compiler.ir.heads.head import Head

BOX, APART = 4, 5  # where the box's numbers end, and where an objectness ends


def shows_objectness(proto: onnx.ModelProto, head: Head) -> bool:
    """Whether a number of its own is joined between box and classes, on the way to the head."""
    attributes = APART + head.classes + head.details
    shapes = _shapes(proto)
    joins = [node for node in ancestors(proto.graph, head.output) if node.op_type == "Concat"]
    return any({BOX, APART} <= ends and max(ends) == attributes for node in joins if (ends := _ends(node, shapes)))


def _ends(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> set[int]:
    """Where each part ends along the axis that it is joined on; none where a size is not known."""
    axis = next(attribute.i for attribute in node.attribute if attribute.name == "axis")
    parts = [shapes.get(name, []) for name in node.input]
    if not all(-len(shape) <= axis < len(shape) and shape[axis] for shape in parts):
        return set()
    return set(accumulate(shape[axis] for shape in parts))


def _shapes(proto: onnx.ModelProto) -> dict[str, list[int]]:
    graph = onnx.shape_inference.infer_shapes(proto).graph
    known = {value.name: value.type.tensor_type.shape.dim for value in [*graph.value_info, *graph.input, *graph.output]}
    found = {name: [dim.dim_value for dim in dims] for name, dims in known.items()}
    return found | {tensor.name: list(tensor.dims) for tensor in graph.initializer}

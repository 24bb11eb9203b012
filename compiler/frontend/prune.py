"""Cut a graph down to what one of its outputs needs."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from zcc.compiler.ir.heads.head import Head


def keep_output(proto: onnx.ModelProto, head: Head) -> onnx.ModelProto:
    """A copy with the head's output alone, of the head's shape, and only what it depends on."""
    name = head.output
    pruned = onnx.ModelProto()
    pruned.CopyFrom(proto)
    graph = pruned.graph
    nodes = ancestors(proto.graph, name)
    used = {value for node in nodes for value in inputs_of(node)} | {name}
    image = [value for value in proto.graph.input if value.name in used]
    weights = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    output = [helper.make_tensor_value_info(name, TensorProto.FLOAT, head.shape)]
    for field, kept in (("node", nodes), ("input", image), ("initializer", weights), ("output", output)):
        graph.ClearField(field)
        getattr(graph, field).extend(kept)
    return pruned


def ancestors(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    """The nodes that a value depends on, in graph order."""
    wanted = {name}
    kept = []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= inputs_of(node)
    return kept[::-1]


def inputs_of(node: onnx.NodeProto) -> set[str]:
    """The values a node reads, those that graphs inside it capture included."""
    inner = (attribute.g for attribute in node.attribute if attribute.HasField("g"))
    captured = {value for graph in inner for child in graph.node for value in inputs_of(child)}
    return {value for value in node.input if value} | captured

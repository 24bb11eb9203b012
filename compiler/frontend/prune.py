"""Cut a graph down to what the outputs of its task need."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.tasks.task import TaskReading


def keep_outputs(proto: onnx.ModelProto, head: Head, task: TaskReading) -> onnx.ModelProto:
    """A copy with the head's output and that of the task's prototypes alone, and only what they depend on."""
    shapes = {head.output: head.shape}
    if task.prototypes is not None:
        shapes[task.prototypes] = (1, *task.info.shape)
    pruned = onnx.ModelProto()
    pruned.CopyFrom(proto)
    graph = pruned.graph
    nodes = ancestors(proto.graph, *shapes)
    used = {value for node in nodes for value in inputs_of(node)} | shapes.keys()
    image = [value for value in proto.graph.input if value.name in used]
    weights = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    output = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    for field, kept in (("node", nodes), ("input", image), ("initializer", weights), ("output", output)):
        graph.ClearField(field)
        getattr(graph, field).extend(kept)
    return pruned


def ancestors(graph: onnx.GraphProto, *names: str) -> list[onnx.NodeProto]:
    """The nodes that values depend on, in graph order."""
    wanted = set(names)
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

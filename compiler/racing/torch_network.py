"""An ONNX file as a PyTorch module of plain operations, as torch.compile likes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper

from zcc.compiler.racing.torch_operations import OPERATIONS

Values = dict[str, Any]  # by name: tensors; single numbers; numpy arrays where they say a shape or a scale


def load_module(path: Path, image: torch.Tensor) -> Any:
    """The network of a file, for images like the one given: flat code, without a trace of shapes."""
    graph = onnx.load(path).graph
    scales = {node.input[2] for node in graph.node if node.op_type == "Resize"}
    constants = {tensor.name: _constant(tensor, tensor.name in scales) for tensor in graph.initializer}
    module = _Interpreter(_fold(graph, constants, scales, image), constants, graph.input[0].name, graph.output[0].name)
    return torch.fx.symbolic_trace(module.eval())


class _Interpreter(torch.nn.Module):  # type: ignore[misc]  # PyTorch is no part of what is checked
    """Runs an ONNX graph's nodes one after another."""

    def __init__(self, nodes: list[onnx.NodeProto], constants: Values, image: str, output: str) -> None:
        super().__init__()
        self.nodes, self.image, self.output = nodes, image, output
        self.attributes = [_attributes(node) for node in nodes]
        self.numbers = {name: values for name, values in constants.items() if not isinstance(values, torch.Tensor)}
        used = {name for node in nodes for name in node.input}
        tensors = sorted(name for name in used if isinstance(constants.get(name), torch.Tensor))
        self.buffer_names = {name: f"constant{number}" for number, name in enumerate(tensors)}
        for name, buffer in self.buffer_names.items():
            self.register_buffer(buffer, constants[name])

    def forward(self, image: Any) -> Any:
        """The output for an image."""
        values: Values = {**self.numbers, self.image: image, "": None}
        values.update({name: getattr(self, buffer) for name, buffer in self.buffer_names.items()})
        for node, attributes in zip(self.nodes, self.attributes, strict=True):
            run(node, attributes, values)
        return values[self.output]


def run(node: onnx.NodeProto, attributes: dict[str, Any], values: Values) -> None:
    """Put a node's outputs among the values."""
    result = OPERATIONS[node.op_type](attributes, *(values[name] for name in node.input))
    if len(node.output) == 1:
        values[node.output[0]] = result
    else:
        values.update({name: result[number] for number, name in enumerate(node.output)})


def _fold(graph: onnx.GraphProto, constants: Values, scales: set[str], image: torch.Tensor) -> list[onnx.NodeProto]:
    """Add to the constants what follows from them and from shapes alone; the nodes that are left."""
    values: Values = {**constants, graph.input[0].name: image, "": None}
    constants[""] = None
    left = []
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = _constant(node.attribute[0].t, node.output[0] in scales)
        else:
            run(node, _attributes(node), values)
        if node.op_type in ("Constant", "Shape") or all(name in constants for name in node.input):
            constants.update({name: values[name] for name in node.output})
        else:
            left.append(node)
    return left


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _constant(tensor: onnx.TensorProto, scale: bool) -> Any:
    array = numpy_helper.to_array(tensor)
    if scale or array.dtype.kind in "iu":
        return array
    return array.item() if array.size == 1 else torch.tensor(array, dtype=torch.float32)

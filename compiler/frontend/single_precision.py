"""Half precision in the file becomes single: the compiler chooses the precision, not the exporter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from zcc.runtime.errors import ModelError

HALVES = {TensorProto.FLOAT16, TensorProto.BFLOAT16}
# Attributes that name an element type.
TYPE_ATTRIBUTES = {"to", "dtype"}


def to_float32(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with every half-precision weight, constant, cast, input and output in float32."""
    converted = onnx.ModelProto()
    converted.CopyFrom(proto)
    for graph in graphs(converted.graph):
        for tensor in graph.initializer:
            widen(tensor)
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type in HALVES:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        for node in graph.node:
            for attribute in node.attribute:
                widen_attribute(attribute)
    return converted


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all graphs within its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from graphs(inner)


def widen_attribute(attribute: AttributeProto) -> None:
    """Widen the tensors in an attribute, and the type it names."""
    if attribute.HasField("t"):
        widen(attribute.t)
    for tensor in attribute.tensors:
        widen(tensor)
    if attribute.name in TYPE_ATTRIBUTES and attribute.i in HALVES:
        attribute.i = TensorProto.FLOAT


def widen(tensor: TensorProto) -> None:
    """Store a half-precision tensor in float32."""
    if tensor.data_type in HALVES:
        try:
            values = numpy_helper.to_array(tensor).astype(np.float32)
        except ValueError as error:
            raise ModelError(
                f"weight {tensor.name!r} does not have the size it claims ({error})", "export the model again"
            ) from error
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

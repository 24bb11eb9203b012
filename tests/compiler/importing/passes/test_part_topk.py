"""A choice among values amid a network, values and places, the first of equals first: as ONNX Runtime has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.compiler.harness import compile_network, reference

COUNT = 9


def chosen(largest: int) -> onnx.ModelProto:
    """The best of 64 sums, which GatherElements fetches once more; what is asked of a shape is a part of it."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3 * COUNT))
    constants = {"size": np.array([1, 64]), "count": np.array([COUNT]), "channels": np.array([1])}
    nodes = [
        helper.make_node("ReduceSum", ["x", "channels"], ["sums"], keepdims=0),
        helper.make_node("Reshape", ["sums", "size"], ["flat"]),
        helper.make_node("TopK", ["flat", "count"], ["values", "places"], axis=1, largest=largest),
        helper.make_node("GatherElements", ["flat", "places"], ["fetched"], axis=1),
        helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["values", "numbers", "fetched"], ["y"], axis=1),
    ]
    weights = [numpy_helper.from_array(value.astype(np.int64), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("largest", [0, 1])
def test_the_best_are_those_of_the_file(largest: int, tmp_path: Path) -> None:
    proto = chosen(largest)
    image = np.random.default_rng(3).integers(0, 3, (1, 3, 8, 8)).astype(np.float32)  # sums of 0..6, many alike
    np.testing.assert_array_equal(compile_network(proto, tmp_path).run(image), reference(proto, image))

"""Products of matrices amid a network, in TVM's loops: rows and columns that fill whole tiles, and that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.compiler.harness import compile_network, reference

ROWS, INNER = 30, 24


def product(rows: int, columns: int) -> onnx.ModelProto:
    """A map's rows times weights, and a bias behind it."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, rows, INNER))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, rows * columns))
    rng = np.random.default_rng(1)
    weights: dict[str, NDArray[np.float32] | NDArray[np.int64]] = {
        "size": np.array([1, rows, INNER]),
        "weight": rng.normal(size=(INNER, columns)).astype(np.float32),
        "bias": rng.normal(size=columns).astype(np.float32),
    }
    nodes = [
        helper.make_node("Reshape", ["x", "size"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Flatten", ["sum"], ["y"]),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize(("rows", "columns"), [(ROWS, 64), (7, 48), (ROWS, 20)])
def test_rows_times_weights_are_those_of_the_file(rows: int, columns: int, tmp_path: Path) -> None:
    proto, image = product(rows, columns), np.random.default_rng(2).normal(size=(1, 1, rows, INNER)).astype(np.float32)
    expected = reference(proto, image)
    np.testing.assert_allclose(
        compile_network(proto, tmp_path, optimised=True).run(image), expected, rtol=1e-4, atol=1e-4
    )

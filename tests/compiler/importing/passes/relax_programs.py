"""Small Relax programs from ONNX nodes, and plain ways to run and read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import tvm
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tvm import ir, relax
from tvm.relax.frontend.onnx import from_onnx

from tests.ort import session as ort_session

Array = NDArray[Any]


def graph_model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, tuple[int, ...]],
    output: tuple[str, tuple[int, ...]],
    constants: Mapping[str, Array],
) -> onnx.ModelProto:
    """A float32 model of a few nodes."""
    declare = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [declare(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [declare(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)


def import_model(proto: onnx.ModelProto) -> ir.IRModule:
    """The model in Relax, weights as constants."""
    return from_onnx(proto, keep_params_in_input=False)


def operators(mod: ir.IRModule) -> Counter[str]:
    """How often each operator is called in `main`."""
    found: Counter[str] = Counter()

    def visit(expr: Any) -> None:
        if isinstance(expr, relax.Call) and isinstance(expr.op, ir.Op):
            found[expr.op.name.removeprefix("relax.")] += 1

    relax.analysis.post_order_visit(mod["main"], visit)
    return found


def run_relax(mod: ir.IRModule, *inputs: Array) -> Array:
    """The result of `main` on the CPU."""
    machine = relax.VirtualMachine(tvm.compile(mod, "llvm"), tvm.cpu())
    return np.asarray(machine["main"](*(tvm.runtime.tensor(value) for value in inputs)).numpy())


def run_onnx(proto: onnx.ModelProto, feeds: Mapping[str, Array]) -> Array:
    """The first output in ONNX Runtime."""
    session = ort_session(proto.SerializeToString())
    return np.asarray(session.run(None, dict(feeds))[0])

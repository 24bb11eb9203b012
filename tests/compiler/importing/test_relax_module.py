"""Models that pass every check and still cannot be imported: told in one line, whatever TVM raises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zcc.compiler.importing.relax_module import import_proto
from zcc.runtime.errors import ModelError


def model(kind: str, inputs: Sequence[str], weight: NDArray[np.float32] | None = None) -> onnx.ModelProto:
    """A graph of one node."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 8, 8))
    weights = [] if weight is None else [numpy_helper.from_array(weight, "w")]
    graph = helper.make_graph([helper.make_node(kind, inputs, ["y"])], "graph", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


BROKEN = {
    "RuntimeError of an operator": (model("Celu", ["x"]), "Celu"),
    "RuntimeError of a check": (model("NonMaxSuppression", ["x", "x"]), "3-D"),
    "ValueError": (model("Conv", ["x", "w"], np.zeros((4, 5, 3, 3), np.float32)), "channel size"),
    "KeyError": (model("Conv", ["x", "nowhere"]), "nowhere"),
    "AttributeError": (model("Conv", ["x"]), "NoneType"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_importer_raises_is_the_models_error(name: str) -> None:
    proto, reason = BROKEN[name]
    with pytest.raises(ModelError, match=reason) as caught:
        import_proto(proto)
    assert str(caught.value).startswith("the model cannot be imported: ")
    assert "\n" not in str(caught.value)

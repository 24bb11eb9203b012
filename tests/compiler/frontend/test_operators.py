"""Operators that cannot be compiled are named, with the first node that uses each."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper

from tests import onnx_models
from zcc.compiler.frontend.operators import refuse_unsupported, supported_operators, unsupported_operators
from zcc.compiler.frontend.simplify import simplify
from zcc.runtime.errors import ModelError


def model(*kinds: str) -> onnx.ModelProto:
    nodes = [helper.make_node(kind, ["x"], [f"y{i}"], name=f"{kind}_{i}") for i, kind in enumerate(kinds)]
    return helper.make_model(helper.make_graph(nodes, "g", [], []))


@pytest.mark.parametrize("family", ["yolov3", "yolov5", "yolov8", "yolo11"])
def test_detectors_need_only_supported_operators(family: str) -> None:
    assert unsupported_operators(simplify(onnx_models.build(family)), supported_operators()) == []


def test_the_message_names_operators_and_nodes() -> None:
    with pytest.raises(ModelError, match=r"Loop \(node 'Loop_1'\), Scan \(node 'Scan_3'\)"):
        refuse_unsupported(model("Relu", "Loop", "Loop", "Scan"), supported_operators())
    with pytest.raises(ModelError, match="and 2 more"):
        refuse_unsupported(model("Loop", "Scan", "STFT", "DFT", "Det"), supported_operators())

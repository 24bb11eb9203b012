"""What no kernel of ours computes: decodings of all heads, and attention that is cut otherwise, by way of TVM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.compiler.backends.cpu.kernels.test_attention import area_model
from tests.compiler.backends.cuda.interpreter import Machine
from tests.compiler.backends.cuda.test_lower import SIZE, TOLERANCE, faults, imported
from tests.compiler.harness import reference
from tests.onnx_models.graph import Graph, Tensor
from tests.ort import session as ort_session
from zcc.compiler.backends.cuda.kernels.attention import AttentionKernel
from zcc.compiler.backends.cuda.kernels.generic import GenericKernel
from zcc.compiler.backends.cuda.pipeline import lower_network
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto

CARD = Capability(90)


@pytest.mark.parametrize(("family", "precision"), [("yolov3", "fp32"), ("yolov10", "bf16"), ("yolov8-nms", "fp16")])
def test_any_head_is_decoded_on_the_card(family: str, precision: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    plan = lower_network(source.network(), CARD, precision)
    assert faults(plan, CARD) == []
    assert plan.maps[0].dtype == "float32" and plan.maps[0].shape == source.model.head.shape
    session = ort_session(source.model.proto.SerializeToString())
    expected = np.asarray(session.run([source.model.head.output], {source.model.input: image[None]})[0][0])
    error = np.abs(Machine(plan).run(image)[0] - expected).max()
    assert error <= TOLERANCE[precision] * np.abs(expected).max()


@pytest.mark.parametrize(
    ("heads", "areas", "key", "value", "size", "kernels"),
    [
        (2, 4, 32, 32, (8, 10), 1),
        (1, 3, 5, 9, (9, 7), 1),
        (2, 2, 8, 8, (3, 4), 0),  # areas end within a row
    ],
)
def test_attention_in_areas(heads: int, areas: int, key: int, value: int, size: tuple[int, int], kernels: int) -> None:
    proto = area_model(heads, areas, key, value, size)
    image = np.random.default_rng(1).normal(0, 1, (1, 3, *size)).astype(np.float32)
    plan = lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32")
    assert faults(plan, CARD) == []
    assert sum(isinstance(spec, AttentionKernel) for spec in plan.specs) == kernels
    assert any(isinstance(spec, GenericKernel) for spec in plan.specs) == (kernels == 0)
    expected = reference(proto, image)[0]
    np.testing.assert_allclose(Machine(plan).run(image[0])[0][: len(expected)], expected, rtol=1e-4, atol=1e-4)


def best_channel_model() -> onnx.ModelProto:
    """A convolution, and for each pixel the number of its largest channel: a reduction with two results."""
    g = Graph(SIZE, 13, seed=5)
    rows = g.reshape(g.conv(g.images, 6, 3), 1, 6, SIZE[0] * SIZE[1])
    best = g.op("ArgMax", [rows.name], axis=1, keepdims=1)[0]
    return g.finish({"output": Tensor(g.op("Cast", [best], to=TensorProto.FLOAT)[0], (1, 1, rows.shape[2]))})


def test_numbers_of_the_best() -> None:
    proto, image = best_channel_model(), np.random.default_rng(6).random((1, 3, *SIZE)).astype(np.float32)
    plan = lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32")
    assert faults(plan, CARD) == []
    np.testing.assert_allclose(Machine(plan).run(image[0])[0], reference(proto, image)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_who_is_no_convolution_sees_colours_in_any_precision(precision: str) -> None:
    g = Graph(SIZE, 13, seed=3)
    darker = g.mul(g.images, 0.5)
    proto = g.finish({"output": g.conv(g.add(darker, g.slice(g.images, 0, 3, 1)), 8, 3)})
    image = np.random.default_rng(2).random((1, 3, *SIZE)).astype(np.float32)
    plan = lower_network(fuse(read_network(import_proto(proto))), CARD, precision)
    assert faults(plan, CARD) == []
    expected = reference(proto, image)[0]
    error = np.abs(Machine(plan).run(image[0])[0][: len(expected)] - expected).max()
    assert error <= TOLERANCE[precision] * np.abs(expected).max()

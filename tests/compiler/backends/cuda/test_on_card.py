"""Networks and detectors on a card, where this machine has one: what they compute against ONNX Runtime."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.test_attention import area_model
from tests.compiler.backends.cuda.interpreter import decoded
from tests.compiler.backends.cuda.test_lower import SIZE, TOLERANCE, expected_maps, imported
from tests.compiler.backends.cuda.test_plain import best_channel_model
from tests.compiler.harness import reference
from tests.onnx_models import build
from zcc.compiler.backends.cuda.kernels.formats import encode
from zcc.compiler.backends.cuda.launches import MODULE
from zcc.compiler.backends.cuda.lower import NetworkPlan, lower_network
from zcc.compiler.backends.cuda.lower_conv import image_unit
from zcc.compiler.backends.cuda.nvrtc import compile_cuda
from zcc.compiler.backends.cuda.program import build_program
from zcc.compiler.backends.cuda.targets import Capability, native_target
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.runtime.executors.cuda import CudaExecutor
from zcc.runtime.executors.cuda_program import Module, Program
from zcc.runtime.executors.frame_block import PARAMETERS_SIZE, ResultLayout
from zcc.runtime.executors.plan import Plan
from zcc.runtime.manifest import InputSpec

Array = NDArray[Any]
TARGET = native_target()
CARD = TARGET.capability if TARGET else Capability(90)
FAMILIES = ("yolov3-tiny", "yolov5", "yolov8", "yolo11", "yolov10", "yolov8-nms")

pytestmark = pytest.mark.skipif(TARGET is None, reason="needs a card of NVIDIA's")


def on_card(planned: NetworkPlan, image: Array) -> list[Array]:
    """The results of a network alone, for an image (C, H, W) of 0..1."""
    compiled = compile_cuda(planned.source, CARD.arch)
    regions = {"weights": len(planned.weights), "arena": planned.arena_bytes}
    regions |= {"parameters": PARAMETERS_SIZE, "result": ResultLayout(1).size}
    tensors = {"input": planned.image, **{f"map{index}": held for index, held in enumerate(planned.maps)}}
    plan = Plan(CARD.arch, regions, (MODULE,), planned.launches, tensors, zeroed=planned.zeroed)
    weights, key = np.frombuffer(planned.weights, np.uint8), sha256(planned.weights).hexdigest()
    modules = {MODULE: Module(compiled.cubin, compiled.ptx)}
    executor = CudaExecutor(Program(plan, modules, weights, key, InputSpec(*image.shape[1:]), 1))
    try:
        levels = np.zeros(planned.image.shape[1:], np.float32)
        levels[..., : len(image)] = image.transpose(1, 2, 0) / np.float32(image_unit(planned.image_format))
        executor.write("input", encode(levels, planned.image_format))
        graph = executor.graph(("network",))
        with executor.context:
            for _ in range(2):  # nothing of one frame is left for the next
                executor.context.call("cuGraphLaunch", graph.handle, executor.stream)
            executor.context.call("cuStreamSynchronize", executor.stream)
        graph.destroy()
        return [_result(executor.read(f"map{index}"), planned) for index in range(len(planned.maps))]
    finally:
        executor.close()


def _result(held: Array, planned: NetworkPlan) -> Array:
    """A map as (C, H, W), a plain tensor as it is."""
    return decoded(held, planned.map_format)[0].transpose(2, 0, 1) if held.ndim == 4 else held[0]


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_what_onnx_runtime_does(family: str, precision: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    if source.raw is not None:
        wanted = expected_maps(source, image)
    else:
        session = onnxruntime.InferenceSession(source.model.proto.SerializeToString())
        wanted = [np.asarray(session.run([source.model.head.output], {source.model.input: image[None]})[0][0])]
    found = on_card(lower_network(source.network(), CARD, precision), image)
    for actual, expected in zip(found, wanted, strict=True):
        error = np.abs(actual[: len(expected)] - expected).max()
        assert error <= TOLERANCE[precision] * np.abs(expected).max()


@pytest.mark.parametrize(
    ("heads", "areas", "key", "value", "size"),
    [(2, 4, 32, 32, (8, 10)), (1, 3, 5, 9, (9, 7)), (2, 2, 8, 8, (3, 4)), (4, 4, 32, 32, (40, 40))],
)
def test_attention_in_areas(heads: int, areas: int, key: int, value: int, size: tuple[int, int]) -> None:
    proto = area_model(heads, areas, key, value, size)
    image = np.random.default_rng(1).random((1, 3, *size)).astype(np.float32)
    expected = reference(proto, image)[0]
    [actual] = on_card(lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32"), image[0])
    np.testing.assert_allclose(actual[: len(expected)], expected, rtol=1e-3, atol=1e-3)


def test_numbers_of_the_best() -> None:
    proto, image = best_channel_model(), np.random.default_rng(6).random((1, 3, *SIZE)).astype(np.float32)
    [found] = on_card(lower_network(fuse(read_network(import_proto(proto))), CARD, "fp32"), image[0])
    np.testing.assert_allclose(found, reference(proto, image)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("family", ["yolov10", "yolov8-nms"])
def test_files_that_choose_themselves_find_the_same(family: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    frame = np.random.default_rng(4).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    image = np.ascontiguousarray(frame[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
    session = onnxruntime.InferenceSession(build(family, imgsz=SIZE, classes=7).SerializeToString())
    rows = np.asarray(session.run(None, {session.get_inputs()[0].name: image})[0][0])
    rows = rows[rows[:, 4] > 0.3]
    executor = CudaExecutor(build_program(source, source.network(), CARD, "fp32"))
    found = executor.run(frame, 0.3, 0.9)
    executor.close()
    assert len(found) == len(rows) > 0
    np.testing.assert_allclose(found.scores, rows[:, 4], atol=1e-4)
    height, width = SIZE
    boxes = rows[:, :4].clip(0, [width, height, width, height])
    order = np.lexsort((boxes[:, 0], -rows[:, 4].round(4)))
    np.testing.assert_allclose(
        found.boxes[np.lexsort((found.boxes[:, 0], -found.scores.round(4)))], boxes[order], atol=0.05
    )

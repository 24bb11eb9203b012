"""Whole networks as launches: their arithmetic against ONNX Runtime, and their plans through the checker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.compiler.backends.cuda.interpreter import Machine
from tests.compiler.harness import reference
from tests.compiler.importing.random_graphs import random_network
from tests.compiler.loaded import load_here
from tests.onnx_models import build
from tests.ort import session as ort_session
from zcc.compiler.backends.cuda.check_plan import find_faults
from zcc.compiler.backends.cuda.launches import MODULE
from zcc.compiler.backends.cuda.pipeline import NetworkPlan, lower_network
from zcc.compiler.backends.cuda.targets import Capability
from zcc.compiler.frontend.find_raw_head import with_maps
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.int8 import quantise
from zcc.compiler.precision.ties import Ties
from zcc.runtime.executors.plan import Launch, Plan, Range
from zcc.runtime.manifest import InputSpec

FAMILIES = ("yolov5", "yolov8", "yolo11")
SIZE = (64, 96)
# Relative to the largest value of a map; bfloat16 keeps eight bits of each number.
TOLERANCE = {"fp32": 1e-4, "tf32": 1e-2, "fp16": 1e-2, "bf16": 8e-2}


def imported(family: str, folder: Path) -> Imported:
    path = folder / "model.onnx"
    onnx.save(build(family, imgsz=SIZE, classes=7), path)
    model = load_here(path)
    return import_model(model, InputSpec(model.height, model.width, "bgr", "letterbox"), 300)


def expected_maps(source: Imported, image: np.ndarray) -> list[np.ndarray]:
    assert source.raw is not None
    session = ort_session(with_maps(source.model.proto, source.raw).SerializeToString())
    return [made[0] for made in session.run(list(source.raw.maps), {source.model.input: image[None]})]


def faults(network: NetworkPlan, capability: Capability) -> list[str]:
    """What the checker says of the network behind a launch that writes its image."""
    place, size = network.image.place, int(np.prod(network.image.shape)) * np.dtype(network.image.dtype).itemsize
    image = Range("arena", place.offset, place.offset + size)
    first = Launch("preprocess", MODULE, "image", (1, 1, 1), (1, 1, 1), (), writes=(image,))
    after = [tuple(index + 1 for index in launch.after) or (0,) for launch in network.launches]
    moved = [
        Launch(**{**launch.__dict__, "after": waits}) for launch, waits in zip(network.launches, after, strict=True)
    ]
    regions = {"weights": len(network.weights), "arena": network.arena_bytes, "parameters": 0, "result": 0}
    return list(find_faults(Plan(capability.arch, regions, (MODULE,), (first, *moved), zeroed=network.zeroed)))


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_detector_equals_onnx_runtime(family: str, precision: str, tmp_path: Path) -> None:
    source = imported(family, tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    capability = Capability(90)
    plan = lower_network(source.network(), capability, precision)
    assert faults(plan, capability) == []
    for actual, expected in zip(Machine(plan).run(image), expected_maps(source, image), strict=True):
        error = np.abs(actual[: len(expected)] - expected).max()
        assert error <= TOLERANCE[precision] * np.abs(expected).max()


@pytest.mark.parametrize("capability", [70, 75, 80, 120])
def test_every_capability_computes_the_same(capability: int, tmp_path: Path) -> None:
    source = imported("yolov8", tmp_path)
    image = np.random.default_rng(0).random((3, *SIZE), np.float32)
    plan = lower_network(source.network(), Capability(capability), "fp16")
    assert faults(plan, Capability(capability)) == []
    for actual, expected in zip(Machine(plan).run(image), expected_maps(source, image), strict=True):
        assert np.abs(actual[: len(expected)] - expected).max() <= TOLERANCE["fp16"] * np.abs(expected).max()


@pytest.mark.parametrize("seed", range(8))
def test_random_network_equals_onnx_runtime(seed: int) -> None:
    proto = random_network(seed)
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    image = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    plan = lower_network(fuse(read_network(import_proto(proto))), Capability(90), "fp32")
    assert faults(plan, Capability(90)) == []
    expected = reference(proto, image)[0]
    actual = Machine(plan).run(image[0])[0][: len(expected)]
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_shared_memory_adds_no_edge(tmp_path: Path) -> None:
    source = imported("yolov8", tmp_path)
    apart, shared = (
        lower_network(source.network(), Capability(90), "fp16", sharing=sharing) for sharing in (False, True)
    )
    assert shared.arena_bytes < 0.7 * apart.arena_bytes
    assert [launch.after for launch in shared.launches] == [launch.after for launch in apart.launches]
    assert faults(shared, Capability(90)) == []


def test_checker_misses_no_edge(tmp_path: Path) -> None:
    plan = lower_network(imported("yolov8", tmp_path).network(), Capability(90), "fp16")
    for index in range(1, len(plan.launches), 7):
        for lost in plan.launches[index].after:
            launch = plan.launches[index]
            after = tuple(other for other in launch.after if other != lost)
            launches = list(plan.launches)
            launches[index] = Launch(**{**launch.__dict__, "after": after})
            assert faults(NetworkPlan(**{**plan.__dict__, "launches": tuple(launches)}), Capability(90))


def test_bytes_are_summed_in_integers(tmp_path: Path) -> None:
    source = imported("yolov8", tmp_path)
    network = source.network()
    ranges = {tensor.name: Quantisation.of_range(-0.3, 3.0) for group in Ties(network.ops).groups() for tensor in group}
    quantised = quantise(network, {**ranges, network.image.name: IMAGE}, {})
    image = np.random.default_rng(0).integers(0, 256, (3, *SIZE)).astype(np.float32) / 255
    plan = lower_network(quantised, Capability(90), "int8")
    assert faults(plan, Capability(90)) == []
    for actual, expected in zip(Machine(plan).run(image), expected_maps(source, image), strict=True):
        error = np.linalg.norm(actual[: len(expected)] - expected) / np.linalg.norm(expected)
        assert error < 0.2

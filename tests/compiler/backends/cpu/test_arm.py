"""Compiled here for ARM, run by emulated ARM processors: the same detections, and the same integers."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import tvm
from numpy.typing import NDArray

from tests.compiler.backends.cpu.emulated import Machine, Processor, machine, why_not
from tests.compiler.backends.cpu.small_network import small_network_in_bytes
from tests.compiler.harness import build_network
from tests.compiler.precision.test_networks import grey_levels
from tests.conftest import Tiny
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.program.files import runtime_library
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.ir.ops import Network
from zcc.registry import Registry
from zcc.runtime import Detector
from zcc.runtime.library import RUNTIME_LIBRARY

SCRIPT = Path(__file__).with_name("on_arm.py")
# Each has no instructions beyond those of the target.
PROCESSORS = {
    "aarch64": Processor("cortex-a53", ("fp", "asimd")),
    "aarch64-dotprod": Processor("cortex-a76", ("fp", "asimd", "fphp", "asimdhp", "asimddp")),
    "aarch64-i8mm": Processor("max", ("fp", "asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16")),
}
pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@dataclass(frozen=True)
class Computed:
    """What a network makes of an image."""

    image: NDArray[np.float32]
    output: NDArray[np.float32]


@pytest.fixture(scope="module", params=PROCESSORS)
def target(request: pytest.FixtureRequest) -> CpuTarget:
    return TARGETS[request.param]


@pytest.fixture(scope="module")
def arm(target: CpuTarget, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(PROCESSORS[target.name], wheel, tmp_path_factory)


def save_network(network: Network, target: CpuTarget, image: NDArray[np.float32], folder: Path) -> None:
    """All that `on_arm.py network` needs."""
    layout = lower_network(network, target.unit)
    program = emit_network(layout, target.unit)
    build_library(program.module, target.tvm_target(), folder / "network.so")
    (folder / RUNTIME_LIBRARY).write_bytes(runtime_library(target))
    (folder / "weights").write_bytes(layout.weights)
    told = {
        "runtime": tvm.__version__,
        "arena": program.network.bytes(os.cpu_count() or 1),
        "shape": [int(size) for size in layout.placement.output.shape],
    }
    (folder / "told.json").write_text(json.dumps(told))
    np.save(folder / "image.npy", image)


@pytest.fixture(scope="module")
def computed_here(tmp_path_factory: pytest.TempPathFactory) -> Computed:
    """What this machine computes, bytes multiplied one by one: right for all weights."""
    here = native_target()
    network, here = small_network_in_bytes(), replace(here, unit=replace(here.unit, dot=""))
    image = grey_levels(network.image.shape)
    return Computed(image, build_network(network, tmp_path_factory.mktemp("here"), here).run(image))


def test_integers_are_the_same_as_here(
    target: CpuTarget, arm: Machine, computed_here: Computed, tmp_path: Path
) -> None:
    save_network(small_network_in_bytes(), target, computed_here.image, tmp_path)
    arm.run(SCRIPT, "network", tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), computed_here.output)


@pytest.mark.parametrize("target", ["aarch64"], indirect=True)
def test_detections_are_those_of_here(arm: Machine, target: CpuTarget, tiny_artifact: Tiny, tmp_path: Path) -> None:
    [made] = compile_model(
        CompileOptions(tiny_artifact.model, target=target.name), Registry.open(tmp_path / "registry")
    )
    frame = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    np.save(tmp_path / "frame.npy", frame)
    arm.run(SCRIPT, "detect", tmp_path / "frame.npy", made.folder, tmp_path / "found.npz")
    found, expected = np.load(tmp_path / "found.npz"), Detector.load(tiny_artifact.folder)(frame)
    assert len(expected.boxes)
    np.testing.assert_array_equal(found["classes"], expected.classes)
    np.testing.assert_allclose(found["scores"], expected.scores, rtol=1e-4)
    np.testing.assert_allclose(found["boxes"], expected.boxes, rtol=1e-4, atol=1e-4 * max(frame.shape))

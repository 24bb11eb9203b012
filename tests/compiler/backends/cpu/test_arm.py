"""Compiled here for ARM, run by emulated ARM processors: the same detections, and the same integers."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tvm
from numpy.typing import NDArray

from tests.compiler import bare_heads
from tests.compiler.backends.cpu.emulated import why_not
from tests.compiler.backends.cpu.small_network import small_network, small_network_in_bytes
from tests.compiler.harness import build_network
from tests.compiler.precision.test_networks import grey_levels
from zcc.compiler.backends.cpu.emulation.emulator import PROCESSORS, Emulator
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.program.build import build_library
from zcc.compiler.backends.cpu.program.emit import emit_network
from zcc.compiler.backends.cpu.program.files import runtime_library
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.ir.ops import Network
from zcc.compiler.precision.table import PRECISIONS
from zcc.registry import Registry
from zcc.registry.bundle import export_bundle
from zcc.runtime import Detector
from zcc.runtime.library import RUNTIME_LIBRARY

SCRIPT = Path(__file__).with_name("on_arm.py")
pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
Output = NDArray[np.float32]


@dataclass(frozen=True)
class Machine:
    """An emulated one, with zcc as its wheel has it."""

    emulator: Emulator
    packages: Path

    def run(self, script: Path, *arguments: str | Path) -> None:
        """A script, which must end well."""
        self.emulator.run(script, *arguments, packages=self.packages)


@pytest.fixture(scope="module", params=PROCESSORS)
def target(request: pytest.FixtureRequest) -> CpuTarget:
    return TARGETS[request.param]


@pytest.fixture(scope="module")
def packages(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel installs."""
    folder = tmp_path_factory.mktemp("packages")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


@pytest.fixture(scope="module")
def arm(target: CpuTarget, packages: Path) -> Machine:
    return Machine(Emulator(target), packages)


def save_network(network: Network, dtype: str, target: CpuTarget, folder: Path) -> None:
    """All that `on_arm.py network` needs."""
    form = default_form(target, dtype)
    layout = lower_network(network, form.unit(target.unit), block=form.block)
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
    np.save(folder / "image.npy", grey_levels(network.image.shape))


# Of the largest value: what float32 leaves open, and what halves and bfloat16 have no digits for.
TOLERANCES = {"fp32": 1e-5, "fp16": 4e-3, "bf16": 2e-2}


@pytest.fixture(scope="module")
def there(target: CpuTarget, arm: Machine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Output]:
    """What the machine makes of an image in each dtype, in one process: an emulated one takes seconds to begin."""
    folder = tmp_path_factory.mktemp(target.name)
    networks = {"int8": small_network_in_bytes()}
    for dtype in filter(target.computes, TOLERANCES):
        networks[dtype] = PRECISIONS[dtype].convert(small_network(), None, (), target.short_words, target.halves)
    for dtype, network in networks.items():
        (folder / dtype).mkdir()
        save_network(network, dtype, target, folder / dtype)
    arm.run(SCRIPT, "network", *(folder / dtype for dtype in networks))
    return {dtype: np.load(folder / dtype / "output.npy") for dtype in networks}


@pytest.fixture(scope="module")
def integers_here(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """What this machine computes, bytes multiplied one by one: right for all weights."""
    network, here = small_network_in_bytes(), native_target()
    plain = replace(here, unit=replace(here.unit, dot=""))
    return build_network(network, tmp_path_factory.mktemp("here"), plain).run(grey_levels(network.image.shape))


@pytest.fixture(scope="module")
def floats_here(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """What this machine computes in float32."""
    network = small_network()
    compiled = build_network(network, tmp_path_factory.mktemp("here"), native_target())
    return compiled.run(grey_levels(network.image.shape))


def test_integers_are_the_same_as_here(there: dict[str, Output], integers_here: Output) -> None:
    np.testing.assert_array_equal(there["int8"], integers_here)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_floats_are_near_those_of_here(
    target: CpuTarget, there: dict[str, Output], dtype: str, floats_here: Output
) -> None:
    if not target.computes(dtype):
        pytest.skip(f"{target.name} does not compute {dtype}")
    most = np.abs(floats_here).max()
    np.testing.assert_allclose(there[dtype], floats_here, rtol=0, atol=TOLERANCES[dtype] * most)


# All families, targets and dtypes: python -m tests.long.arm_detectors.
@pytest.mark.parametrize("target", ["aarch64-i8mm"], indirect=True)
def test_a_bundle_finds_what_is_found_here(arm: Machine, target: CpuTarget, tmp_path: Path) -> None:
    """With attention; the compiler has verified it by the same emulator, and its manifest says so."""
    model, bundle = tmp_path / "model.onnx", tmp_path / "model.zcc"
    onnx.save(bare_heads.attending(3, (64, 64)), model)
    registry = Registry.open(tmp_path / "registry")
    [here] = compile_model(CompileOptions(model), registry)
    [made] = compile_model(CompileOptions(model, target=target.name), registry)
    assert made.manifest.verified == Emulator(target).describe()
    assert made.manifest.verified.startswith("emulated by qemu-aarch64 ")
    assert [(figure.metric, figure.value < 1e-4) for figure in made.manifest.measured] == [("relative_error", True)]
    export_bundle(registry, ["model"], bundle)
    frame = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    np.save(tmp_path / "frame.npy", frame)
    arm.run(SCRIPT, "detect", tmp_path / "frame.npy", bundle, tmp_path / "found.npz")
    found, expected = np.load(tmp_path / "found.npz"), Detector.load(here.folder)(frame)
    assert len(expected.boxes)
    np.testing.assert_array_equal(found["classes"], expected.classes)
    np.testing.assert_allclose(found["scores"], expected.scores, rtol=1e-4)
    np.testing.assert_allclose(found["boxes"], expected.boxes, rtol=1e-4, atol=1e-4 * max(frame.shape))

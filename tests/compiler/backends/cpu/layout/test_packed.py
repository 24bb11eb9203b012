"""Between convolutions nothing is unpacked: in no family of detectors, whatever its export holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxsim
import pytest

from tests.compiler.harness import compile_network, reference
from tests.compiler.importing.structures import STRUCTURES, sampled
from tests.compiler.loaded import load_here
from tests.onnx_models import build
from tests.onnx_models.graph import Graph, Tensor
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto

LAYOUT_CHANGES = ("pack_", "unpack_", "generic_")
FAMILIES = ("yolov3", "yolov3-tiny", "yolov5", "yolov8", "yolo11", "yolov10")


def changes_between_convolutions(kernels: list[str]) -> list[str]:
    """The kernels before the last convolution that change a tensor's layout, or want a plain one."""
    last = max(index for index, name in enumerate(kernels) if name.startswith(("conv_", "depthwise_")))
    return [name for name in kernels[:last] if name.startswith(LAYOUT_CHANGES)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("classes", [1, 6])
def test_families(family: str, classes: int, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(build(family, classes=classes, width=12), path)
    assert changes_between_convolutions(plan(load_here(path).proto)) == []


def plan(proto: onnx.ModelProto) -> list[str]:
    """The kernels that the network becomes."""
    layout = lower_network(fuse(read_network(import_proto(proto))), native_target().unit)
    return [call.spec.name for call in layout.calls]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures(structure: str, tmp_path: Path) -> None:
    g = Graph((18, 10), 13, seed=5)
    x = STRUCTURES[structure](g, g.conv(g.images, 20, 3))
    check(g, g.conv(x, 7), tmp_path)


def test_focus(tmp_path: Path) -> None:
    g = Graph((12, 20), 13, seed=6)
    kernels = check(g, g.conv(g.silu(g.conv(sampled(g, g.images), 9, 3)), 7), tmp_path)
    assert kernels[0].startswith(("halo", "conv_6x6s2"))


def check(g: Graph, output: Tensor, folder: Path) -> list[str]:
    """The network computes what it should, packed; its kernels."""
    proto, _ = onnxsim.simplify(g.finish({"output": output}))
    image = np.random.default_rng(2).normal(0, 1, g.images.shape).astype(np.float32)
    compiled = compile_network(proto, folder)
    expected = reference(proto, image)
    np.testing.assert_allclose(compiled.run(image), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert changes_between_convolutions(compiled.kernels) == []
    return compiled.kernels

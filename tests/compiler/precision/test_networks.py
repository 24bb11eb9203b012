"""Whole networks in integers and in bfloat16: near the floats they stand for, and the same bytes on every processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.compiler.harness import compile_network, reference
from tests.compiler.importing.random_graphs import random_network
from tests.compiler.loaded import load_here
from tests.onnx_models import build
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network
from zcc.compiler.ir.quantisation import IMAGE, Quantisation
from zcc.compiler.precision.bf16 import shorten
from zcc.compiler.precision.int8 import quantise

WIDE = Quantisation.of_range(-6.0, 6.0)
FAMILIES = ("yolov3-tiny", "yolov5", "yolov8", "yolo11")


def detector(family: str, folder: Path) -> onnx.ModelProto:
    path = folder / f"{family}.onnx"
    onnx.save(build(family, width=16), path)
    return load_here(path).proto


def grey_levels(shape: tuple[int, ...]) -> NDArray[np.float32]:
    levels = np.random.default_rng(5).integers(0, 256, shape)
    return (levels / 255).astype(np.float32)


def to_bytes(floating: tuple[str, ...] = ()) -> Callable[[Network], Network]:
    """Every map at one wide scale: what matters here is the arithmetic, not the calibration."""

    def convert(network: Network) -> Network:
        names = {tensor.name for op in network.ops for tensor in (*op.inputs, *op.outputs) if tensor.is_map}
        return quantise(network, {**dict.fromkeys(names, WIDE), network.image.name: IMAGE}, {}, floating)

    return convert


@pytest.mark.parametrize("family", FAMILIES)
def test_integers_stay_near_the_floats(family: str, tmp_path: Path) -> None:
    proto = detector(family, tmp_path)
    image = grey_levels((1, 3, 64, 64))
    compiled = compile_network(proto, tmp_path, convert=to_bytes())
    actual, expected = compiled.run(image), reference(proto, image)
    assert [name for name in compiled.kernels if name.startswith("int8_conv")]
    assert not [name for name in compiled.kernels if name.startswith("conv_")]
    assert np.isfinite(actual).all()
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.93


def test_a_layer_in_float_is_computed_in_float(tmp_path: Path) -> None:
    proto = detector("yolov8", tmp_path)

    def kernels(*floating: str) -> dict[str, str]:
        network = to_bytes(floating)(fuse(read_network(import_proto(proto))))
        return {call.label: call.spec.name for call in lower_network(network, native_target().unit).calls}

    made = next(label for label, kernel in kernels().items() if kernel.startswith("int8_conv_3x3s1"))
    assert kernels(made)[made].startswith(("conv_3x3s1", "winograd"))


@pytest.mark.parametrize("seed", range(3))
def test_integers_are_the_same_on_every_processor(seed: int, tmp_path: Path) -> None:
    """Each network on a processor and the next better one."""
    proto = random_network(seed)
    shape = [dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    image = grey_levels(tuple(shape))
    names = [name for name in ("x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni") if TARGETS[name].runs_here()]
    if len(names) < 2:
        pytest.skip("this processor runs one target only")
    at = seed % (len(names) - 1)
    one, other = (compile_network(proto, tmp_path, name, to_bytes()).run(image) for name in names[at : at + 2])
    np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not TARGETS["x86-64-v4-bf16"].runs_here(), reason="this processor has no AVX512-BF16")
@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_stays_near_the_floats(family: str, tmp_path: Path) -> None:
    proto = detector(family, tmp_path)
    image = grey_levels((1, 3, 64, 64))
    compiled = compile_network(proto, tmp_path, "x86-64-v4-bf16", shorten)
    actual, expected = compiled.run(image), reference(proto, image)
    assert [name for name in compiled.kernels if name.startswith("bf16_conv")]
    assert np.abs(actual - expected).max() <= 0.08 * np.abs(expected).max()

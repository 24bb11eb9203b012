"""Whole networks in AMX's tile registers, which lie in memory: near the floats, and the same integers as elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.compiler.backends.cpu.kernels.emulated_tiles import COMPILER, emulated_module, tiles_in_memory
from tests.compiler.harness import build_network, compile_network, reference
from tests.compiler.precision.test_networks import detector, grey_levels, to_bytes
from zcc.compiler.backends.cpu.kernels import split_conv
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.importing.fuse import fuse
from zcc.compiler.importing.read_network import read_network
from zcc.compiler.importing.relax_module import import_proto
from zcc.compiler.ir.ops import Network
from zcc.compiler.precision.bf16 import shorten
from zcc.compiler.precision.fp16 import halve

TARGET = TARGETS["x86-64-v4-amx-fp16"]
PLAIN, WITH_BFLOATS = "x86-64-v4", "x86-64-v4-bf16"  # whose vectors compute what is not in tiles
SHAPE = (1, 3, 64, 64)

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="a C compiler makes the tile registers")
Convert = Callable[[Network], Network]


def run_in_tiles(
    proto: onnx.ModelProto, folder: Path, vectors: str, convert: Convert, kernel: str
) -> NDArray[np.float32]:
    """What a network makes of grey levels with the target's kernels, some of which have the given word for a name."""
    if not TARGETS[vectors].runs_here():
        pytest.skip(f"this processor does not run {vectors}")
    network = convert(fuse(read_network(import_proto(proto))))
    host = replace(TARGETS[vectors], unit=TARGET.unit)
    with tiles_in_memory():
        compiled = build_network(network, folder, host, through=emulated_module)
        assert [name for name in compiled.kernels if name.startswith(kernel)]
        return np.asarray(compiled.run(grey_levels(SHAPE)))


@needs_compiler
@pytest.mark.parametrize("family", ["yolov3-tiny", "yolov8"])
@pytest.mark.parametrize(
    ("convert", "vectors", "kernel", "near"),
    [(shorten, WITH_BFLOATS, "bf16_conv", 0.01), (halve, PLAIN, "fp16_conv", 0.001)],
)
def test_pairs_stay_near_the_floats(
    family: str, convert: Convert, vectors: str, kernel: str, near: float, tmp_path: Path
) -> None:
    proto = detector(family, tmp_path)
    actual, expected = run_in_tiles(proto, tmp_path, vectors, convert, kernel), reference(proto, grey_levels(SHAPE))
    assert np.abs(actual - expected).max() <= near * np.abs(expected).max()


@needs_compiler
@pytest.mark.parametrize("family", ["yolov3-tiny", "yolov8"])
def test_floats_in_pieces_stay_floats(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The maps are small; so tile registers are taken as if others took far longer."""
    monkeypatch.setattr(split_conv, "SPLIT", replace(split_conv.SPLIT, beside=100.0))
    monkeypatch.setattr(split_conv, "BESIDE_WINOGRAD", 100.0)
    proto = detector(family, tmp_path)
    actual = run_in_tiles(proto, tmp_path, "x86-64-v3", lambda network: network, "split_conv")
    expected = reference(proto, grey_levels(SHAPE))
    assert np.abs(actual - expected).max() <= 1e-5 * np.abs(expected).max()


@needs_compiler
def test_integers_are_those_of_other_targets(tmp_path: Path) -> None:
    proto = detector("yolov8", tmp_path)
    actual = run_in_tiles(proto, tmp_path, "x86-64-v4-vnni", to_bytes(), "int8_conv")
    expected = compile_network(proto, tmp_path, PLAIN, to_bytes()).run(grey_levels(SHAPE))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)

"""Depthwise convolutions of bytes equal numpy's integers bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.integers import Encoding, finish, lanes_for, packed, padded, sums, unpacked
from tests.compiler.backends.cpu.kernels.ways import best_target, other_ways
from zcc.compiler.backends.common.curves import CURVES
from zcc.compiler.backends.cpu.kernels.int8_depthwise import Int8Depthwise
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply
from zcc.compiler.backends.cpu.layout.weights import pack_depthwise, pack_vector
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.target import CpuTarget

OUT = Encoding(0.02, 14)
CASES = [  # channels, output, kernel, stride, dilation, extreme operands
    (32, (5, 9), (3, 3), 1, 1, False),
    (24, (4, 5), (3, 3), 2, 1, False),
    (40, (3, 4), (5, 5), 1, 1, False),
    (16, (3, 6), (3, 1), 1, 2, False),
    (32, (4, 4), (7, 7), 1, 1, True),
]


@pytest.mark.parametrize("target", [best_target(), *other_ways()], ids=lambda target: target.name)
def test_equals_numpy(target: CpuTarget, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    specs, runs = [], []
    for channels, size, kernel, stride, dilation, extreme in CASES:
        inside = [(n - 1) * stride + (k - 1) * dilation + 1 for n, k in zip(size, kernel, strict=True)]
        x = rng.integers(0, 256, (channels, *inside)).astype(np.uint8)
        weight = rng.integers(-128, 128, (channels, 1, *kernel)).astype(np.int8)
        if extreme:
            x[...], weight[...] = 255, -128
        start = rng.integers(-5000, 5000, channels).astype(np.int32)
        scale = (10 ** rng.uniform(-4, -3, channels)).astype(np.float32)
        blocks = -(-channels // 16)
        x_slab, x_memory = padded(
            packed(x, Slab.dense(blocks, *inside, 16, "uint8")), Slab.dense(blocks, *inside, 16, "uint8")
        )
        slab, out = padded(np.zeros((blocks, *size, 16), np.uint8), Slab.dense(blocks, *size, 16, "uint8"))
        spec = Int8Depthwise(x_slab, slab, kernel, (stride, stride), (dilation, dilation), (Apply("silu", ()),))
        lanes = lanes_for(channels, 16)
        constants = [pack_depthwise(weight, lanes, 16), pack_vector(start, lanes, 16), pack_vector(scale, lanes, 16)]
        dense = np.eye(channels, dtype=np.int8)[:, :, None, None] * weight
        expected = finish(sums(x, dense, start, spec), scale, [(spec.stages[0], None)], OUT)
        specs.append(spec)
        runs.append(([x_memory, *constants, CURVES["silu"].table(), out, OUT.written()], out, expected))
    for run, (arguments, out, expected) in zip(compile_kernels(list(specs), target, tmp_path), runs, strict=True):
        run(*arguments)
        np.testing.assert_array_equal(unpacked(out, len(expected)), expected)

"""Bfloat16 convolutions against numpy in double precision, and their rounding against numpy's integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compiler.backends.cpu.kernels.integers import unpacked
from tests.compiler.backends.cpu.kernels.pair_trials import Case, make_trial, stored
from zcc.compiler.backends.cpu.kernels.bf16_conv import Bf16Conv
from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.ir.tensors import BFLOAT16
from zcc.runtime.errors import BuildError

TARGET = TARGETS["x86-64-v4-bf16"]
needs_bf16 = pytest.mark.skipif(not TARGET.runs_here(), reason="this processor has no AVX512-BF16")
CASES = {
    "3x3": Case((32, 48), (6, 8), tile=(3, 4)),
    "3x3 stride 2": Case((32, 32), (5, 6), stride=2, tile=(2, 3)),
    "1x1": Case((64, 64), (4, 8), kernel=1, tile=(4, 4)),
    "tiles that overlap": Case((16, 32), (3, 9), tile=(2, 4)),
    "odd channels": Case((19, 37), (4, 5), tile=(3, 5)),
    "image": Case((3, 32), (6, 8), kernel=6, stride=2, tile=(2, 4), image=True),
    "head": Case((32, 255), (3, 4), kernel=1, stages=(), out="float32", tile=(4, 4)),
    "silu in float": Case((16, 16), (5, 7), out="float32"),
    "residual": Case((16, 16), (5, 7), stages=("silu", "add stored")),
    "residual of floats": Case((16, 16), (5, 7), stages=("add float32", "sigmoid")),
    "others": Case((16, 16), (5, 7), stages=("per channel", "leaky_relu")),
}


@needs_bf16
def test_every_case_is_close_to_double_precision(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    trials = {name: make_trial(case, rng) for name, case in CASES.items()}
    kernels = compile_kernels([trial.spec for trial in trials.values()], TARGET, tmp_path)
    for (name, trial), kernel in zip(trials.items(), kernels, strict=True):
        kernel(*trial.arguments)
        trial.check(name)


@needs_bf16
def test_rounding_is_to_the_nearest_ties_to_even(tmp_path: Path) -> None:
    """Sums are all zero, so that each output is its bias rounded; an odd number of columns takes both instructions."""
    rng = np.random.default_rng(6)
    special = np.array([0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF818000, 0x7F7F0000, 0x00800000, 0x00000000])
    patterns = np.concatenate([special, rng.integers(0x00800000, 0x7F000000, 40)]).astype(np.uint32)
    bias = patterns.view(np.float32)
    slab, x = Slab.dense(3, 1, 3, 16, BFLOAT16), Slab.dense(1, 1, 3, 16, BFLOAT16)
    spec = Bf16Conv(x, slab, (1, 1), (1, 1), (1, 1), (), Tile(1, 3))
    out = np.zeros(slab.shape, np.uint16)
    weights = np.zeros(spec.geometry.weight_shape, np.uint16)
    [kernel] = compile_kernels([spec], TARGET, tmp_path)
    kernel(np.zeros(x.shape, np.uint16), weights, bias.reshape(3, 16), out)
    expected = np.repeat(stored(bias)[:, None, None], 3, axis=2)
    np.testing.assert_array_equal(unpacked(out, len(bias)), expected)


def test_processors_without_bf16_are_refused() -> None:
    slab = Slab.dense(1, 2, 2, 16, BFLOAT16)
    spec = Bf16Conv(slab, slab, (1, 1), (1, 1), (1, 1), (), Tile(1, 2))
    with pytest.raises(BuildError, match="bfloat16"):
        spec.build(TARGETS["x86-64-v4"].unit)

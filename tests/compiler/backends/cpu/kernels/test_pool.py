"""Max pooling of numbers of every type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.pool import MaxPoolKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.ir.tensors import BFLOAT16


@pytest.mark.parametrize("shift", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("dtype", ["float32", BFLOAT16, "uint8"])
def test_the_highest_of_a_window(dtype: str, shift: float, tmp_path: Path) -> None:
    """Also where all are below zero; bfloat16 numbers lie as bits."""
    slab = Slab.dense(2, 9, 11, 16, dtype)
    numbers = np.round(np.random.default_rng(1).normal(shift, 30, slab.shape)).clip(-255, 255).astype(np.float32)
    x = np.abs(numbers).astype(np.uint8) if dtype == "uint8" else numbers
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2))
    out = np.zeros(slab.shape, dtype)
    [kernel] = compile_kernels([MaxPoolKernel(slab, slab, (5, 5), (1, 1), (2, 2))], native_target(), tmp_path)
    kernel((x.view(np.uint32) >> 16).astype(np.uint16) if dtype == BFLOAT16 else x, out)
    found = (out.astype(np.uint32) << 16).view(np.float32) if dtype == BFLOAT16 else out
    np.testing.assert_array_equal(found, windows.max((-1, -2)))

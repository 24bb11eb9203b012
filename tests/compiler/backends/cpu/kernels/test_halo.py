"""Borders of maps: cleared whole, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.packing import HaloKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target


@pytest.mark.parametrize("size", [(22, 22), (5, 40), (40, 5), (7, 16), (9, 4), (4, 9)])
@pytest.mark.parametrize(("halo", "zero", "dtype"), [(1, 0, "float32"), (2, 0, "float32"), (1, 37, "uint8")])
def test_a_border_is_cleared(size: tuple[int, int], halo: int, zero: int, dtype: str, tmp_path: Path) -> None:
    slab = Slab.dense(3, *size, 16, dtype)
    [kernel] = compile_kernels([HaloKernel(slab, halo, zero)], native_target(), tmp_path)
    filled = np.full(slab.shape, 7, dtype)
    kernel(filled)
    expected = np.full(slab.shape, zero, dtype)
    expected[:, halo:-halo, halo:-halo] = 7
    np.testing.assert_array_equal(filled, expected)

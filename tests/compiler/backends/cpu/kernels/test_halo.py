"""Borders of maps: cleared whole, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.packing import Border, HaloKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target

SIZES = [(22, 22), (5, 40), (40, 5), (7, 16), (9, 5), (5, 9), (3, 3)]


@pytest.mark.parametrize(("halo", "zero", "dtype"), [(1, 0, "float32"), (2, 0, "float32"), (1, 37, "uint8")])
def test_borders_are_cleared(halo: int, zero: int, dtype: str, tmp_path: Path) -> None:
    """Of maps of all sizes at once, and of each by itself."""
    slabs = [Slab.dense(3, *size, 16, dtype) for size in SIZES if min(size) > 2 * halo]
    together = HaloKernel(tuple(Border(slab, halo, zero) for slab in slabs))
    alone = [HaloKernel((border,)) for border in together.borders]
    for kernel, cleared in zip(
        compile_kernels([together, *alone], native_target(), tmp_path),
        [slabs, *([slab] for slab in slabs)],
        strict=True,
    ):
        maps = [np.full(slab.shape, 7, dtype) for slab in cleared]
        kernel(*maps)
        for found in maps:
            expected = np.full(found.shape, zero, dtype)
            expected[:, halo:-halo, halo:-halo] = 7
            np.testing.assert_array_equal(found, expected)

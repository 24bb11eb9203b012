"""Images as kernels find them in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.pack_image import BlankKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.ir.tensors import BFLOAT16


@pytest.mark.parametrize(
    "slab", [Slab.dense(3, 6, 10, 1), Slab.dense(1, 6, 10, 4, "uint8"), Slab.dense(1, 6, 10, 4, BFLOAT16)]
)
def test_a_blank_image_is_black(slab: Slab, tmp_path: Path) -> None:
    [kernel] = compile_kernels([BlankKernel(slab)], native_target(), tmp_path)
    image = np.full(slab.shape, 7, slab.dtype)
    kernel(image)
    assert not image.any()

"""Images as kernels find them in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zcc.compiler.backends.cpu.kernels.pack_image import NoiseKernel
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target
from zcc.compiler.ir.tensors import BFLOAT16

FLOATS, BYTES, SHORTS = Slab.dense(3, 64, 40, 1), Slab.dense(1, 64, 40, 4, "uint8"), Slab.dense(1, 64, 40, 4, BFLOAT16)


def noise(slab: Slab, folder: Path) -> NDArray[Any]:
    """What the kernel makes."""
    (place := folder / slab.dtype).mkdir(exist_ok=True)
    [kernel] = compile_kernels([NoiseKernel(slab)], native_target(), place)
    image = np.full(slab.shape, 7, slab.dtype)
    kernel(image)
    return image


def test_noise_has_all_levels_about_as_often(tmp_path: Path) -> None:
    found = np.bincount(noise(BYTES, tmp_path)[..., :3].ravel(), minlength=256)
    assert found.min() > 0 and found.max() < 4 * found.mean()


def test_noise_is_stored_as_frames_are(tmp_path: Path) -> None:
    """Levels in 255ths of float32, in bytes, or in bfloat16; the last number of a pixel is 0."""
    levels = np.rint(noise(FLOATS, tmp_path) * 255)
    np.testing.assert_array_equal(noise(FLOATS, tmp_path), levels.astype(np.float32) * np.float32(1 / 255))
    floats = (noise(SHORTS, tmp_path).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(floats, noise(BYTES, tmp_path))
    assert not floats[..., 3].any() and levels.std() > 60

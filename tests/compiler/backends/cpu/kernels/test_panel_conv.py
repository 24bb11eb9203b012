"""Convolutions of many input channels, panel by panel: the same sums, whatever is left over at the ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv
from zcc.compiler.backends.cpu.kernels.panel_conv import MANY_WEIGHTS, wants_panels
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.stages import Apply
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import native_target


def conv(blocks: int, height: int, width: int, kernel: int, stride: int, tile: Tile) -> DirectConv:
    """From so many blocks of eight channels to two."""
    rows, columns = ((size - 1) * stride + kernel for size in (height, width))
    x, out = Slab.dense(blocks, rows, columns, 8), Slab.dense(2, height, width, 8)
    return DirectConv(x, out, (kernel, kernel), (stride, stride), (1, 1), (Apply("relu", ()),), tile)


@pytest.mark.parametrize(
    "spec",
    [
        conv(331, 7, 30, 1, 1, Tile(2, 4)),  # rows, columns and channels that nothing divides
        conv(331, 1, 9, 1, 1, Tile(1, 4, rows_first=True)),
        conv(37, 5, 6, 3, 2, Tile(2, 4)),
    ],
)
def test_panels_add_up_to_the_convolution(spec: DirectConv, tmp_path: Path) -> None:
    assert wants_panels(spec)
    random, (side, _), step = np.random.default_rng(5), spec.kernel, spec.stride[0]
    x = random.normal(size=spec.x.shape).astype(np.float32)
    weight = random.normal(size=(2, spec.x.blocks, side, side, 8, 8)).astype(np.float32)
    bias = random.normal(size=(2, 8)).astype(np.float32)
    expected = np.broadcast_to(bias[:, None, None].astype(np.float64), spec.out.shape).copy()
    for y, column in np.ndindex(side, side):
        taken = x[:, y:, column:][:, ::step, ::step][:, : spec.out.height, : spec.out.width].astype(np.float64)
        expected += np.einsum("cyxi,ocil->oyxl", taken, weight[:, :, y, column])
    out = np.full(spec.out.shape, np.nan, np.float32)
    compile_kernels([spec], native_target(), tmp_path)[0](x, weight, bias, out)
    np.testing.assert_allclose(out, np.maximum(expected, 0), rtol=1e-3, atol=1e-3)


def test_few_weights_stay_in_the_cache_without_panels() -> None:
    blocks = MANY_WEIGHTS // (2 * 8 * 8 * 4)
    assert not wants_panels(conv(blocks, 4, 30, 1, 1, Tile(2, 4)))
    assert wants_panels(conv(blocks + 1, 4, 30, 1, 1, Tile(2, 4)))
    assert not wants_panels(conv(blocks + 1, 4, 4, 1, 1, Tile(2, 4)))  # one tile to a row: each weight is used once

"""Direct convolution: its forms compute the same, and the preferred one is what its costs say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile, rows_come_first
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.winograd_choices import WinogradChoice
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels
from zcc.compiler.backends.cpu.targets.table import TARGETS, native_target

AVX2 = TARGETS["x86-64-v3"]


def conv(channels: tuple[int, int], size: int, kernel: int = 3, stride: int = 1, lanes: int = 8) -> DirectConv:
    """A convolution without padding, in the form that is taken when nothing was measured."""
    inside = (size - 1) * stride + kernel
    x = Slab.dense(channels[0] // lanes, inside, inside, lanes)
    out = Slab.dense(channels[1] // lanes, size, size, lanes)
    tile = default_tile(x, out, (kernel, kernel), AVX2.unit)
    return DirectConv(x, out, (kernel, kernel), (stride, stride), (1, 1), (), tile)


@pytest.mark.parametrize(
    ("channels", "size", "kernel", "expected"),
    [
        ((384, 64), 40, 1, True),  # 2.4 MB of map, 98 KB of weights
        ((384, 64), 10, 1, False),  # the map stays in the cache
        ((256, 256), 40, 3, False),  # the weights do not
    ],
)
def test_rows_come_first_where_the_map_leaves_the_cache(
    channels: tuple[int, int], size: int, kernel: int, expected: bool
) -> None:
    spec = conv(channels, size, kernel)
    assert rows_come_first(spec.x, spec.out, spec.kernel) == expected
    assert spec.tile.rows_first == expected
    tiles = [choice for choice in spec.choices(AVX2.unit) if isinstance(choice, Tile)]
    assert tiles[0] == spec.tile and replace(spec.tile, rows_first=not expected) in tiles


def test_one_group_of_blocks_has_one_order() -> None:
    assert not conv((64, 8), 160, 1).tile.rows_first


@pytest.mark.parametrize(
    ("channels", "size", "kind"),
    [((128, 128), 40, WinogradChoice), ((64, 64), 80, WinogradChoice), ((16, 32), 160, Tile), ((128, 128), 3, Tile)],
)
def test_stride_2_is_winograds_where_that_is_expected_to_be_quicker(
    channels: tuple[int, int], size: int, kind: type
) -> None:
    spec = conv(channels, size, stride=2)
    preferred = spec.preferred(AVX2.unit)
    assert isinstance(preferred, kind)
    assert spec.choices(AVX2.unit)[0] == preferred


def test_both_orders_compute_the_convolution(tmp_path: Path) -> None:
    spec = replace(conv((16, 24), 7, stride=2), tile=Tile(1, 5))
    forms = [spec, replace(spec, tile=Tile(3, 3, rows_first=True)), replace(spec, tile=Tile(1, 7, rows_first=True))]
    random = np.random.default_rng(5)
    x = random.normal(size=spec.x.shape).astype(np.float32)
    weight = random.normal(size=(3, 2, 3, 3, 8, 8)).astype(np.float32)
    bias = random.normal(size=(3, 8)).astype(np.float32)
    expected = np.broadcast_to(bias[:, None, None].astype(np.float64), spec.out.shape).copy()
    for y, row in np.ndindex(3, 3):
        taken = x[:, y : y + 13 : 2, row : row + 13 : 2].astype(np.float64)
        expected += np.einsum("cyxi,ocil->oyxl", taken, weight[:, :, y, row])
    for kernel in compile_kernels(forms, native_target(), tmp_path):
        out = np.full(spec.out.shape, np.nan, np.float32)
        kernel(x, weight, bias, out)
        np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)

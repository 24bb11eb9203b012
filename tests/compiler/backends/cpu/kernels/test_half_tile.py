"""Convolutions in float16 on AVX-512: near double precision, and by instructions for halves."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zcc.compiler.backends.cpu.kernels.choices import Tile
from zcc.compiler.backends.cpu.kernels.direct_conv import DirectConv, default_tile
from zcc.compiler.backends.cpu.kernels.half_tile import HALF_UNITS, half_tiles
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.program.build import assembly
from zcc.compiler.backends.cpu.program.single_kernel import compile_kernels, kernel_module
from zcc.compiler.backends.cpu.targets.abilities import ABILITIES
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.ir.tensors import FLOAT16

TARGET = TARGETS["x86-64-v4-fp16"]
LANES = ABILITIES["fp16"].block(TARGET.unit)
runs_here = pytest.mark.skipif(not TARGET.runs_here(), reason="this processor has no AVX512-FP16")


def conv(
    blocks: tuple[int, int], size: tuple[int, int], kernel: int, stride: int = 1, tile: Tile | None = None
) -> DirectConv:
    """A convolution of halves without padding."""
    inside = [(length - 1) * stride + kernel for length in size]
    x = Slab.dense(blocks[0], *inside, LANES, FLOAT16)
    out = Slab.dense(blocks[1], *size, LANES, FLOAT16)
    wanted = tile or default_tile(x, out, (kernel, kernel), TARGET.unit)
    return DirectConv(x, out, (kernel, kernel), (stride, stride), (1, 1), (), wanted)


CASES = {
    "1x1": conv((4, 4), (5, 8), 1),
    "a block alone in its registers, tiles that overlap": conv((2, 3), (4, 7), 3, tile=Tile(1, 5)),
    "a register that is half empty": conv((2, 3), (4, 7), 1, tile=Tile(3, 4)),
    "two blocks in a register, stride 2": conv((3, 2), (3, 6), 3, stride=2, tile=Tile(2, 3)),
}


@runs_here
def test_halves_are_close_to_double_precision(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for spec, kernel in zip(CASES.values(), compile_kernels([*CASES.values()], TARGET, tmp_path), strict=True):
        (rows, columns), stride = spec.kernel, spec.stride[0]
        products = spec.x.blocks * LANES * rows * columns
        x = rng.normal(size=spec.x.shape).astype(np.float16)
        weight = rng.normal(size=(spec.out.blocks, spec.x.blocks, rows, columns, LANES, LANES)) / products**0.5
        weight, bias = weight.astype(np.float16), rng.normal(size=(spec.out.blocks, LANES)).astype(np.float32)
        expected = np.broadcast_to(bias[:, None, None].astype(np.float64), spec.out.shape).copy()
        for y, column in np.ndindex(rows, columns):
            height, width = spec.out.height * stride, spec.out.width * stride
            taken = x[:, y : y + height : stride, column : column + width : stride].astype(np.float64)
            expected += np.einsum("cyxi,ocil->oyxl", taken, weight[:, :, y, column].astype(np.float64))
        out = np.full(spec.out.shape, np.nan, np.float16)
        kernel(x, weight, bias, out)
        np.testing.assert_allclose(out.astype(np.float64), expected, atol=0.01)


def test_products_and_their_sums_are_one_instruction_of_32_halves() -> None:
    spec = CASES["1x1"]
    text = assembly(kernel_module(spec, TARGET), TARGET.tvm_target())
    multiplied = re.findall(r"\tvfmadd\w+ph\t.*zmm", text)
    assert len(multiplied) >= (2 * LANES - 1) * spec.tile.blocks // 2 * spec.tile.columns
    assert not re.search(r"\tvfmadd\w+ps\t", text), "nothing is multiplied in float32"
    assert re.search(r"\tvcvtph2psx?\t", text)


def test_the_target_is_for_halves_alone() -> None:
    assert TARGET.natively("fp16") and TARGET.halves
    assert not TARGET.natively("int8") and not TARGET.computes("bf16")
    assert ABILITIES["fp16"].item(TARGET.unit) == 2 and TARGET.unit.lanes == LANES
    assert TARGET.requirements("any").features[-1] == "avx512_fp16"


def test_tiles_leave_registers_for_what_is_loaded() -> None:
    tiles = half_tiles(Slab.dense(8, 20, 20, LANES, FLOAT16), TARGET.unit)
    assert Tile(8, 5) in tiles and Tile(8, 8) not in tiles, "eight blocks are four registers"
    assert {tile.blocks for tile in tiles} == {1, 2, 4, 8}
    half = HALF_UNITS[TARGET.unit.widening]
    assert [half.together(blocks, LANES) for blocks in (1, 2, 3, 4)] == [1, 2, 2, 2]

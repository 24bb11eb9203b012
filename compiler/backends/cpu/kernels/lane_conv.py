"""Direct convolutions of floats for NEON, and of halves: the tile that suits what is stored, then stages and stores."""

from __future__ import annotations

from tvm import tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.bf16 import BFMMLA, bf16_instructions
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.float_stages import finishing
from zcc.compiler.backends.cpu.kernels.half_tile import HALF_UNITS, HalfTile
from zcc.compiler.backends.cpu.kernels.lane_tile import LaneTile
from zcc.compiler.backends.cpu.kernels.matrix_tile import WORD, MatrixTile
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.ir.tensors import BFLOAT16, FLOAT16

SHORT = WORD // BFMMLA.item  # bfloat16 numbers in a word


def build_by_lanes(spec: TiledConv, unit: VectorUnit) -> tirx.PrimFunc:
    """The kernel; its weights have the type of the map, and lie as the tile's geometry says."""
    x, out = spec.x, spec.out
    per_word = SHORT if x.dtype == BFLOAT16 else 1
    geometry = ConvGeometry(x, out, spec.kernel, spec.stride, spec.dilation, spec.tile, per_word)
    with building(spec.name) as kernel:
        data = x.argument("x")
        weight = T.arg("weight", T.Buffer(geometry.weight_shape, x.dtype))
        bias = T.arg("bias", T.Buffer((out.blocks, out.lanes), "float32"))
        finish = finishing(spec, spec.tile.blocks)
        if x.dtype == BFLOAT16:
            with bf16_instructions(neon=True):
                MatrixTile(geometry, BFMMLA, data, weight, bias).emit(finish)
        elif x.dtype == FLOAT16:
            half = HALF_UNITS[unit.widening]
            lanes = out.lanes * half.together(spec.tile.blocks, out.lanes)
            HalfTile(geometry, lanes, data, weight, bias, half).emit(finish)
        else:
            LaneTile(geometry, min(unit.lanes, out.lanes), data, weight, bias).emit(finish)
    return kernel.function

"""Direct convolutions of floats for NEON, and of halves: the tile that suits what is stored, then stages and stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.bf16 import BFMMLA, bf16_instructions
from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish
from zcc.compiler.backends.cpu.kernels.half_tile import HALF_UNITS, HalfTile
from zcc.compiler.backends.cpu.kernels.lane_tile import LaneTile
from zcc.compiler.backends.cpu.kernels.matrix_tile import WORD, MatrixTile
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stages import apply_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.stored import as_stored
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.backends.cpu.kernels.vector import lanes_of, ramp
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
        finish = _finish(spec)
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


def _finish(spec: TiledConv) -> Finish:
    """Declares the operands of the stages and the result, and says how sums become the result."""
    operands = stage_arguments(spec.stages)
    result = spec.out.argument("out")

    def finish(sums: Callable[[int], list[Expr]], place: Sequence[Any]) -> None:
        for block in range(spec.tile.blocks):
            values = sums(block)
            lanes = lanes_of(values[0])
            parts = spec.out.lanes // lanes
            held = T.alloc_buffer((len(values), lanes), "float32")
            for number, value in enumerate(values):
                T.buffer_store(held, value, [number, ramp(0, lanes)])
            for number in range(len(values)):
                column, part = divmod(number, parts)
                with T.vectorized(0, lanes) as lane:
                    index = [place[0] + block, place[1], place[2] + column, part * lanes + lane]
                    value = apply_stages(held[number, lane], spec.stages, operands, index)
                    T.buffer_store(result, as_stored(value, spec.out.dtype), index)

    return finish

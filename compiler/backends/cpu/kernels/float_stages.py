"""What follows the sums of a convolution that come as vectors: elementwise stages in fp32, and what maps store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.conv_loops import Between, Finish, at_once
from zcc.compiler.backends.cpu.kernels.stages import apply_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.stored import as_stored
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.backends.cpu.kernels.vector import lanes_of, ramp


def finishing(spec: TiledConv, blocks: int) -> Finish:
    """Declares the operands of the stages and the result, and says how sums of so many blocks become the result."""
    operands = stage_arguments(spec.stages)
    result = spec.out.argument("out")

    def finish(sums: Callable[[int], list[Expr]], place: Sequence[Any], between: Between = at_once) -> None:
        for block in range(blocks):
            values = sums(block)
            lanes = lanes_of(values[0])
            parts = spec.out.lanes // lanes
            held = T.alloc_buffer((len(values), lanes), "float32")
            for number, value in enumerate(values):
                T.buffer_store(held, between(value), [number, ramp(0, lanes)])
                column, part = divmod(number, parts)
                with T.vectorized(0, lanes) as lane:
                    index = [place[0] + block, place[1], place[2] + column, part * lanes + lane]
                    value = apply_stages(held[number, lane], spec.stages, operands, index)
                    T.buffer_store(result, as_stored(value, spec.out.dtype), index)

    return finish

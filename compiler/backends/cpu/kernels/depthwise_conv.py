"""Depthwise convolution over channel-packed maps: every lane is a channel of its own, so a tap is one multiply-add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tvm import s_tir, tirx
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.choices import Tile, in_both_orders
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building, spatial
from zcc.compiler.backends.cpu.kernels.stages import apply_stages, describe_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.stored import as_float, as_stored
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv

MOST_COLUMNS = 8  # enough sums that none waits for itself (LEAST_SUMS of direct_conv.py); more gain nothing


def depthwise_tile(out: Slab) -> Tile:
    """The tile that is taken when nothing was measured."""
    return Tile(1, max(size for size in range(1, MOST_COLUMNS + 1) if out.width % size == 0))


@dataclass(frozen=True)
class DepthwiseConv(TiledConv):
    """A depthwise convolution in fp32; its tiles are of one block.

    Parameters: x, weight, bias, the operands of the stages, out.
    """

    tile: Tile

    word = "depthwise"

    @property
    def name(self) -> str:
        """For example `depthwise_3x3s1_64_80x80_silu`."""
        size = f"{self.kernel[0]}x{self.kernel[1]}s{self.stride[0]}"
        channels = self.out.blocks * self.out.lanes
        return f"{self.word}_{size}_{channels}_{self.out.height}x{self.out.width}{describe_stages(self.stages)}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Columns are summed in tiles, which gives the multiply-adds something to overlap with."""
        sch = s_tir.Schedule(self.compute())
        store, conv = sch.get_sblock("store"), sch.get_sblock("conv")
        block, row, column, lane = sch.get_loops(store)
        outer, inner = sch.split(column, [None, self.tile.columns])
        tasks = (row, block) if self.tile.rows_first else (block, row)
        sch.reorder(*tasks)
        sch.parallel(sch.fuse(*tasks))
        sch.compute_at(conv, outer, preserve_unit_loops=True)
        sch.set_scope(conv, 0, "local")
        *_, conv_column, conv_lane, ky, kx = sch.get_loops(conv)
        sch.reorder(ky, kx, conv_column, conv_lane)
        for loop in (inner, conv_column, kx):
            sch.unroll(loop)
        sch.vectorize(lane)
        sch.vectorize(conv_lane)
        sch.decompose_reduction(conv, ky)
        return sch.mod["main"]

    def choices(self, unit: VectorUnit) -> Sequence[Tile]:
        """Every number of columns that divides a row and fits the registers, in both orders of tasks."""
        columns = [size for size in range(1, unit.registers // 2 + 1) if self.out.width % size == 0]
        ranked = sorted(columns, key=lambda size: (size != self.tile.columns, -size))
        return in_both_orders([Tile(1, size) for size in ranked], self.out)

    def compute(self) -> tirx.PrimFunc:
        """What the kernel computes."""
        x, out = self.x, self.out
        with building(self.name) as kernel:
            data = x.argument("x")
            weight = T.arg("weight", T.Buffer((out.blocks, *self.kernel, out.lanes), "float32"))
            bias = T.arg("bias", T.Buffer((out.blocks, out.lanes), "float32"))
            operands = stage_arguments(self.stages)
            result = out.argument("out")
            sums = T.sblock_alloc_buffer(out.shape, "float32")
            with T.grid(*out.shape, *self.kernel) as loops, T.sblock("conv"):
                index: list[Any] = spatial(*zip(out.shape, loops[:4], strict=True))
                b, y, column, lane = index
                ky, kx = (T.axis.reduce(n, loop) for n, loop in zip(self.kernel, loops[4:], strict=True))
                with T.init():
                    T.buffer_store(sums, bias[b, lane], index)
                row = y * self.stride[0] + ky * self.dilation[0]
                pixel = column * self.stride[1] + kx * self.dilation[1]
                product = as_float(data[b, row, pixel, lane], x.dtype) * weight[b, ky, kx, lane]
                T.buffer_store(sums, sums[tuple(index)] + product, index)
            with T.grid(*out.shape) as loops, T.sblock("store"):
                index = spatial(*zip(out.shape, loops, strict=True))
                done = apply_stages(sums[tuple(index)], self.stages, operands, index)
                T.buffer_store(result, as_stored(done, out.dtype), index)
        return kernel.function

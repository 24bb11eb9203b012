"""A direct convolution whose weights are too many for the cache: some input channels at a time, for several rows.

What a group of output blocks multiplies of many input channels does not stay in the cache from one tile to the next,
so each tile would wait for memory. A panel of input channels does: all tiles of a task get its products, one panel
after another, and their sums wait in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stages import apply_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.tiled_conv import TiledConv
from zcc.compiler.backends.cpu.kernels.vector import broadcast, load, named, ramp

FLOAT = 4
# Bytes that one tile reads. On two threads of a Zen 4 core 1x1 from 256 channels ran at 226 GFLOP/s without panels and
# at 210 with them, from 512 at 168 and 188, from 2176 at 115 and 171.
MANY_WEIGHTS = 80 * 1024
PANEL = 32 * 1024  # bytes of weights
PIXELS = 160  # of a task, at least where the map has as many: so often a panel is used


def wants_panels(spec: TiledConv) -> bool:
    """Whether what a tile reads of the weights is too much to stay in the cache."""
    return spec.out.width > spec.tile.columns and _weights(spec) * spec.x.blocks > MANY_WEIGHTS


def build_in_panels(spec: TiledConv, unit: VectorUnit) -> tirx.PrimFunc:
    """The kernel; a task is a group of output blocks and some rows."""
    return _Panels(spec, unit).build()


def _weights(spec: TiledConv) -> int:
    """Bytes that a tile reads for one block of input channels."""
    return FLOAT * prod(spec.kernel) * spec.x.lanes * spec.out.lanes * spec.tile.blocks


class _Panels:
    def __init__(self, spec: TiledConv, unit: VectorUnit) -> None:
        self.spec, self.tile, self.x, self.out = spec, spec.tile, spec.x, spec.out
        self.geometry = ConvGeometry(spec.x, spec.out, spec.kernel, spec.stride, spec.dilation, spec.tile, 1)
        self.tiles = -(-self.out.width // self.tile.columns)
        self.depth = max(1, PANEL // _weights(spec))  # blocks of input channels in a panel
        self.rows = self._rows(unit)

    def _rows(self, unit: VectorUnit) -> int:
        """As many as make a task worth its weights, and leave every thread as much to do."""
        groups, height = self.out.blocks // self.tile.blocks, self.out.height
        most = max(1, PIXELS // self.out.width)

        def idle(rows: int) -> float:
            tasks = groups * -(-height // rows)
            return -(-tasks // unit.threads) * unit.threads * rows / (groups * height)

        return min(range(1, min(most, height) + 1), key=lambda rows: (round(idle(rows), 1), -rows))

    def build(self) -> tirx.PrimFunc:
        """Start at the bias, add panel after panel, then the stages."""
        spec, out, tile = self.spec, self.out, self.tile
        chunks = -(-out.height // self.rows)
        with building(spec.name) as kernel:
            data = self.x.argument("x")
            weight = T.arg("weight", T.Buffer(self.geometry.weight_shape, "float32"))
            bias = T.arg("bias", T.Buffer((out.blocks, out.lanes), "float32"))
            operands = stage_arguments(spec.stages)
            result = out.argument("out")
            with T.parallel(0, out.blocks // tile.blocks * chunks) as task:
                first = named(tirx.floordiv(task, chunks) * tile.blocks)
                top = named(tirx.min(tirx.floormod(task, chunks) * self.rows, out.height - self.rows))
                sums = T.alloc_buffer((self.rows * self.tiles * tile.blocks * tile.columns, out.lanes), "float32")
                self._start(sums, bias, first)
                panels = -(-self.x.blocks // self.depth)
                with T.grid(panels, self.rows, self.tiles) as (panel, row, number):
                    place = first, named(top + row), named(self.geometry.first_column(number))
                    self._add(sums, row * self.tiles + number, (data, weight), panel, place)
                with T.grid(self.rows, self.tiles) as (row, number):
                    place = first, named(top + row), named(self.geometry.first_column(number))
                    self._finish(sums, row * self.tiles + number, result, operands, place)
        return kernel.function

    def _at(self, number: Any, block: int, column: int) -> Expr:
        """Where the sums of a tile's column wait."""
        tile = self.tile
        return number * (tile.blocks * tile.columns) + (block * tile.columns + column)

    def _start(self, sums: Any, bias: Any, first: Any) -> None:
        lanes = ramp(0, self.out.lanes)
        with T.serial(0, self.rows * self.tiles) as number:
            for block, column in product(range(self.tile.blocks), range(self.tile.columns)):
                T.buffer_store(sums, load(bias, first + block, lanes), [self._at(number, block, column), lanes])

    def _add(self, sums: Any, number: Any, operands: tuple[Any, Any], panel: Any, place: Sequence[Any]) -> None:
        """The products of a panel, in registers, for one tile."""
        (data, weight), (first, row, left) = operands, place
        spec, tile, lanes = self.spec, self.tile, ramp(0, self.out.lanes)
        begin = named(panel * self.depth)
        depth = self.depth if self.x.blocks % self.depth == 0 else tirx.min(self.depth, self.x.blocks - begin)
        held = [T.alloc_buffer((tile.columns, self.out.lanes), "float32") for _ in range(tile.blocks)]
        for block, column in product(range(tile.blocks), range(tile.columns)):
            T.buffer_store(held[block], load(sums, self._at(number, block, column), lanes), [column, lanes])
        with T.grid(depth, *spec.kernel, self.x.lanes) as (c, ky, kx, channel):
            at = begin + c, ky, kx, channel
            weights = [named(load(weight, first + block, *at, lanes)) for block in range(tile.blocks)]
            y = row * spec.stride[0] + ky * spec.dilation[0]
            for column in range(tile.columns):
                pixel = (left + column) * spec.stride[1] + kx * spec.dilation[1]
                x = named(broadcast(data[begin + c, y, pixel, channel], self.out.lanes))
                for block in range(tile.blocks):
                    total = load(held[block], column, lanes) + x * weights[block]
                    T.buffer_store(held[block], total, [column, lanes])
        for block, column in product(range(tile.blocks), range(tile.columns)):
            T.buffer_store(sums, load(held[block], column, lanes), [self._at(number, block, column), lanes])

    def _finish(self, sums: Any, number: Any, result: Any, operands: list[Any], place: Sequence[Any]) -> None:
        first, row, left = place
        for block, column in product(range(self.tile.blocks), range(self.tile.columns)):
            with T.vectorized(0, self.out.lanes) as lane:
                index = [first + block, row, left + column, lane]
                value = apply_stages(sums[self._at(number, block, column), lane], self.spec.stages, operands, index)
                T.buffer_store(result, value, index)

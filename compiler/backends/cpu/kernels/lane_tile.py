"""The tile of a convolution where a multiply-add takes one of its operands from a lane of a register, as NEON's do.

A tile of (output blocks x output columns) sums lives in registers. At every tap a register of input channels is loaded
per column, and each of its lanes is multiplied with the weights of its channel; nothing is broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.conv_loops import ConvGeometry, Finish, each_tile
from zcc.compiler.backends.cpu.kernels.vector import in_all_lanes, load, named, ramp

Sums = dict[tuple[int, int], Any]  # by block of the tile and first lane of the part: vectors of a column each


@dataclass(frozen=True)
class LaneTile:
    """Emits the loops of a convolution in float32; a word of the geometry is a channel."""

    geometry: ConvGeometry
    lanes: int  # of a register
    x: Any  # the declared operands
    weight: Any
    bias: Any

    def emit(self, finish: Finish) -> None:
        """All tiles; `finish` gets the sums of a block of the tile, by its number, and where the tile begins."""
        geometry = self.geometry
        for place in each_tile(geometry):
            sums = self.start(place[0])
            with T.grid(geometry.x.blocks, *geometry.kernel) as (block, ky, kx):
                for channel in range(0, geometry.x.lanes, self.lanes):
                    self._add(sums, (block, ky, kx, channel), place)
            finish(partial(self.vectors, sums), place)

    def start(self, first: Any) -> Sums:
        """The sums of a tile, each at its bias."""
        sums, columns = Sums(), self.geometry.tile.columns
        for block in range(self.geometry.tile.blocks):
            for part in range(0, self.geometry.out.lanes, self.lanes):
                bias = named(load(self.bias, first + block, ramp(part, self.lanes)))
                sums[block, part] = T.alloc_buffer((columns, self.lanes), "float32")
                for column in range(columns):
                    T.buffer_store(sums[block, part], bias, [column, ramp(0, self.lanes)])
        return sums

    def pixel(self, tap: Sequence[Any], place: Sequence[Any], column: int, channels: int) -> Expr:
        """So many input channels that a tap of a column meets."""
        geometry, (block, ky, kx, channel) = self.geometry, tap
        row = place[1] * geometry.stride[0] + ky * geometry.dilation[0]
        at = (place[2] + column) * geometry.stride[1] + kx * geometry.dilation[1]
        return named(load(self.x, block, row, at, ramp(channel, channels) if channels > 1 else channel))

    def _add(self, sums: Sums, tap: Sequence[Any], place: Sequence[Any]) -> None:
        """The products of a register of input channels of every column."""
        channels = min(self.lanes, self.geometry.x.lanes)
        xs = [self.pixel(tap, place, column, channels) for column in range(self.geometry.tile.columns)]
        for lane in range(channels):
            for (number, part), held in sums.items():
                weights = self.weights(place[0] + number, (*tap[:3], tap[3] + lane), part)
                for column, x in enumerate(xs):
                    at = [column, ramp(0, self.lanes)]
                    product = in_all_lanes(x, self.lanes, lane) * weights
                    T.buffer_store(held, load(held, *at) + product, at)

    def weights(self, block: Any, tap: Sequence[Any], part: int) -> Expr:
        """Those of an input channel for a part of an output block."""
        return named(load(self.weight, block, *tap, ramp(part, self.lanes)))

    def vectors(self, sums: Sums, block: int) -> list[Expr]:
        """The block's sums in the order in which they will lie in memory."""
        parts = range(0, self.geometry.out.lanes, self.lanes)
        columns = range(self.geometry.tile.columns)
        return [load(sums[block, part], column, ramp(0, self.lanes)) for column in columns for part in parts]

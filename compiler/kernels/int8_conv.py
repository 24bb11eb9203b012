"""Direct convolution of bytes: u8 activations x s8 weights, summed in int32, over channel-packed maps.

A tile of (output blocks x output columns) sums lives in registers. For every tap and four input channels a vector of
weights per part of a block, and one int32 of four neighbouring channels per column, feed all of them. The sums start
at an int32 per output channel, which holds the bias and what the input's zero point adds. Tasks are (group of output
blocks, output row) pairs.

The input is a map of lanes in fours, or an image of four bytes per pixel; its border holds its zero point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.kernels.byte_dot import BYTE_DOTS
from zcc.compiler.kernels.direct_conv import Tile
from zcc.compiler.kernels.quantised_stages import Stages, declare_map, declare_operands
from zcc.compiler.kernels.slab import Slab
from zcc.compiler.kernels.spec import VectorUnit, building
from zcc.compiler.kernels.stages import StageSpec, describe_stages
from zcc.compiler.kernels.vector import as_type, cast, load, named, product, ramp

DOT = 4  # input channels of one step


@dataclass(frozen=True)
class Int8Conv:
    """A dense convolution of bytes; `x` includes the border that the taps reach.

    Parameters: x, weight, start int32 per output channel, scale float32 per output channel (what one unit of the sum
    stands for), the operands of the stages (kernels/quantised_stages.py), out.
    """

    x: Slab
    out: Slab
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    stages: tuple[StageSpec, ...]
    tile: Tile

    @property
    def name(self) -> str:
        """For example `int8_conv_3x3s2_64_128_80x80_silu`."""
        size = f"{self.kernel[0]}x{self.kernel[1]}s{self.stride[0]}"
        channels = f"{self.x.blocks * self.x.lanes}_{self.out.blocks * self.out.lanes}"
        return f"int8_conv_{size}_{channels}_{self.out.height}x{self.out.width}{describe_stages(self.stages)}"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Output blocks, input blocks, rows, columns, fours of input lanes, output lanes x 4."""
        groups = self.x.lanes // DOT
        return (self.out.blocks, self.x.blocks, *self.kernel, groups, self.out.lanes * DOT)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """One loop nest, its tile unrolled here so that nothing but registers holds it."""
        out, tile = self.out, self.tile
        with building(self.name) as kernel:
            emitter = _Emitter(self, unit)
            tasks = out.blocks // tile.blocks * out.height
            with T.parallel(0, tasks) as task, T.serial(0, -(-out.width // tile.columns)) as index:
                first = named(tirx.floordiv(task, out.height) * tile.blocks)
                emitter.tile(first, tirx.floormod(task, out.height), named(_first_column(self, index)))
        return kernel.function


def _first_column(spec: Int8Conv, tile: Any) -> Any:
    """The last tile overlaps its neighbour when it must."""
    columns = spec.tile.columns
    exact = spec.out.width % columns == 0
    return tile * columns if exact else tirx.min(tile * columns, spec.out.width - columns)


class _Emitter:
    """Declares the parameters and emits the code of one tile."""

    def __init__(self, spec: Int8Conv, unit: VectorUnit) -> None:
        self.spec = spec
        self.dot = BYTE_DOTS[unit.dot]
        self.lanes = min(unit.lanes, spec.out.lanes)
        self.parts = range(0, spec.out.lanes, self.lanes)
        channels = (spec.out.blocks, spec.out.lanes)
        self.x = spec.x.argument("x")
        self.weight = T.arg("weight", T.Buffer(spec.weight_shape, "int8"))
        self.start = T.arg("start", T.Buffer(channels, "int32"))
        self.scale = T.arg("scale", T.Buffer(channels, "float32"))
        operands = declare_operands(spec.stages)
        self.stages = Stages(spec.stages, operands, declare_map(spec.out, "out"), unit)

    def tile(self, first: Any, row: Any, column: Any) -> None:
        """The sums of a tile, then their stages and stores."""
        sums = self._start(first)
        spec = self.spec
        with T.grid(*self.spec.weight_shape[1:5]) as (block, ky, kx, group):
            y = row * spec.stride[0] + ky * spec.dilation[0]

            def fetch(index: int) -> Expr:
                x = (column + index) * spec.stride[1] + kx * spec.dilation[1]
                return as_type("int32", load(self.x, block, y, x, ramp(group * DOT, DOT)))

            self._accumulate(sums, fetch, lambda out, part: self._weights(out, part, first, (block, ky, kx, group)))
        self._finish(sums, first, row, column)

    def _each(self) -> Iterator[tuple[int, int]]:
        """The blocks of a tile, and the parts of a block."""
        return ((block, part) for block in range(self.spec.tile.blocks) for part in self.parts)

    def _start(self, first: Any) -> dict[tuple[int, int], Any]:
        """The sums of each part of each block, one vector per column."""
        sums = {}
        shape = (self.spec.tile.columns, self.lanes)
        for block, part in self._each():
            start = named(load(self.start, first + block, ramp(part, self.lanes)))
            sums[block, part] = T.alloc_buffer(shape, "int32")
            for column in range(shape[0]):
                T.buffer_store(sums[block, part], start, [column, ramp(0, self.lanes)])
        return sums

    def _weights(self, block: int, part: int, first: Any, tap: tuple[Any, ...]) -> Expr:
        lanes = ramp(part * DOT, self.lanes * DOT)
        return as_type(f"int32x{self.lanes}", load(self.weight, first + block, *tap, lanes))

    def _accumulate(
        self, sums: dict[tuple[int, int], Any], fetch: Callable[[int], Expr], weights: Callable[[int, int], Expr]
    ) -> None:
        """One step of the whole tile."""
        xs = [
            [named(value) for value in self.dot.x(named(fetch(column)), self.lanes)]
            for column in range(self.spec.tile.columns)
        ]
        for key, total in sums.items():
            prepared = tuple(named(value) for value in self.dot.weight(named(weights(*key))))
            for column, x in enumerate(xs):
                place = [column, ramp(0, self.lanes)]
                T.buffer_store(total, self.dot.add(load(total, *place), tuple(x), prepared), place)

    def _finish(self, sums: dict[tuple[int, int], Any], first: Any, row: Any, column: Any) -> None:
        self.stages.hold()
        for block in range(self.spec.tile.blocks):
            scales = [self._scale(first + block, part) for part in self.parts]
            values = [
                product(cast("float32", load(sums[block, part], index, ramp(0, self.lanes))), scale)
                for index in range(self.spec.tile.columns)
                for part, scale in zip(self.parts, scales, strict=True)
            ]
            self.stages.store(values, [first + block, row, column, 0])

    def _scale(self, block: Any, part: int) -> Expr:
        return named(self.stages.scaled(load(self.scale, block, ramp(part, self.lanes))))

"""Pooling over packed maps: the lanes of a block are one vector, rows of blocks are shared out over the threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import f32
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.stored import as_float, as_stored
from zcc.compiler.ir.tensors import BFLOAT16


@dataclass(frozen=True)
class MaxPoolKernel:
    """Max pooling; a window that reaches over the edge sees the edge's values again, which changes no maximum."""

    x: Slab
    out: Slab
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]  # top, left

    @property
    def name(self) -> str:
        """For example `maxpool_5x5_128_20x20`."""
        size = f"{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"
        return f"maxpool_{self.kernel[0]}x{self.kernel[1]}_{size}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """For each row of the result the highest of its window's rows, then along that row."""
        x, out = self.x, self.out
        with building(self.name) as kernel:
            data = x.argument("x")
            result = out.argument("out")
            with T.parallel(0, out.blocks * out.height) as task:
                y, block = tirx.floordiv(task, out.blocks), tirx.floormod(task, out.blocks)
                short = x.dtype == BFLOAT16  # compared as floats: their bits alone do not tell
                row = T.alloc_buffer((x.width, x.lanes), "float32" if short else x.dtype)
                with T.serial(0, x.width) as column, T.vectorized(0, x.lanes) as lane:
                    values = (data[block, at, column, lane] for at in self._window(0, y))
                    highest = _highest(as_float(value, x.dtype) if short else value for value in values)
                    T.buffer_store(row, highest, [column, lane])
                with T.serial(0, out.width) as column, T.vectorized(0, x.lanes) as lane:
                    highest = _highest(row[at, lane] for at in self._window(1, column))
                    T.buffer_store(result, as_stored(highest, x.dtype) if short else highest, [block, y, column, lane])
        return kernel.function

    def _window(self, axis: int, position: Expr) -> list[Expr]:
        """Where the window of a result lies along an axis, held within the map."""
        extent = (self.x.height, self.x.width)[axis]
        first = position * self.stride[axis] - self.padding[axis]
        return [tirx.max(tirx.min(first + k, extent - 1), 0) for k in range(self.kernel[axis])]


def _highest(values: Iterable[Expr]) -> Expr:
    return reduce(tirx.max, values)


@dataclass(frozen=True)
class GlobalMeanKernel:
    """The mean of each channel over all pixels."""

    x: Slab
    out: Slab

    @property
    def name(self) -> str:
        """For example `mean_64_80x80`."""
        return f"mean_{self.x.blocks * self.x.lanes}_{self.x.height}x{self.x.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Row by row, so that no sum has many more terms than another."""
        x = self.x
        with building(self.name) as kernel:
            data = x.argument("x")
            result = self.out.argument("out")
            with T.parallel(0, x.blocks) as block:
                total = T.alloc_buffer((x.lanes,), "float32", scope="local")
                row = T.alloc_buffer((x.lanes,), "float32", scope="local")
                with T.vectorized(0, x.lanes) as lane:
                    T.buffer_store(total, f32(0.0), [lane])
                with T.serial(0, x.height) as y:
                    with T.vectorized(0, x.lanes) as lane:
                        T.buffer_store(row, f32(0.0), [lane])
                    with T.serial(0, x.width) as column, T.vectorized(0, x.lanes) as lane:
                        T.buffer_store(row, row[lane] + data[block, y, column, lane], [lane])
                    with T.vectorized(0, x.lanes) as lane:
                        T.buffer_store(total, total[lane] + row[lane], [lane])
                with T.vectorized(0, x.lanes) as lane:
                    T.buffer_store(result, total[lane] * f32(1 / (x.height * x.width)), [block, 0, 0, lane])
        return kernel.function

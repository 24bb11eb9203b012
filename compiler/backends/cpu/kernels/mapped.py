"""Kernels that make each element of a packed map from one of another: pointwise chains, enlargement, moves.

Rows are shared out over the threads, each with all its blocks, as most convolutions have them, since what another core
wrote is far away. The lanes of a block are one vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import s_tir, tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building, spatial
from zcc.compiler.backends.cpu.kernels.stages import StageSpec, apply_stages, describe_stages, stage_arguments
from zcc.compiler.backends.cpu.kernels.stored import as_float, as_stored

Element = Callable[[Any, Any, Any, Any], Expr]


def store_map(result: Any, out: Slab, element: Element) -> None:
    """Emit the block that stores `element(block, row, column, lane)` everywhere."""
    with T.grid(*out.shape) as loops, T.sblock("store"):
        index = spatial(*zip(out.shape, loops, strict=True))
        T.buffer_store(result, element(*index), index)


def schedule_map(function: tirx.PrimFunc) -> tirx.PrimFunc:
    """Rows and their blocks over the threads, lanes in a vector."""
    sch = s_tir.Schedule(function)
    block, row, _, lane = sch.get_loops(sch.get_sblock("store"))
    sch.reorder(row, block)
    sch.parallel(sch.fuse(row, block))
    sch.vectorize(lane)
    return sch.mod["main"]


@dataclass(frozen=True)
class PointwiseKernel:
    """A chain of elementwise stages."""

    x: Slab
    out: Slab
    stages: tuple[StageSpec, ...]

    @property
    def name(self) -> str:
        """For example `pointwise_64_80x80_add`."""
        size = f"{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"
        return f"pointwise_{size}{describe_stages(self.stages)}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """One pass over the map."""
        with building(self.name) as kernel:
            data = self.x.argument("x")
            operands = stage_arguments(self.stages)
            result = self.out.argument("out")

            def element(*index: Any) -> Expr:
                done = apply_stages(as_float(data[index], self.x.dtype), self.stages, operands, index)
                return as_stored(done, self.out.dtype)

            store_map(result, self.out, element)
        return schedule_map(kernel.function)


@dataclass(frozen=True)
class ResizeKernel:
    """Nearest-neighbour enlargement by whole factors."""

    x: Slab
    out: Slab
    factor: tuple[int, int]

    @property
    def name(self) -> str:
        """For example `resize_128_40x40`."""
        return f"resize_{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Every output row reads one input row."""
        rows, columns = self.factor
        with building(self.name) as kernel:
            data = self.x.argument("x")
            result = self.out.argument("out")
            store_map(
                result,
                self.out,
                lambda b, y, x, lane: data[b, tirx.floordiv(y, rows), tirx.floordiv(x, columns), lane],
            )
        return schedule_map(kernel.function)


@dataclass(frozen=True)
class DepthToSpaceKernel:
    """Groups of blocks become the pixels between."""

    x: Slab
    out: Slab
    factor: tuple[int, int]

    @property
    def name(self) -> str:
        """For example `depth_to_space_64_160x160`."""
        return f"depth_to_space_{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Every output row reads the rows of one row of groups."""
        rows, columns = self.factor
        with building(self.name) as kernel:
            data = self.x.argument("x")
            result = self.out.argument("out")

            def element(block: Any, y: Any, x: Any, lane: Any) -> Expr:
                group = tirx.floormod(y, rows) * columns + tirx.floormod(x, columns)
                place = group * self.out.blocks + block
                return data[place, tirx.floordiv(y, rows), tirx.floordiv(x, columns), lane]

            store_map(result, self.out, element)
        return schedule_map(kernel.function)


@dataclass(frozen=True)
class MoveKernel:
    """The same packed map at another place."""

    x: Slab
    out: Slab

    @property
    def name(self) -> str:
        """For example `move_64_80x80`."""
        return f"move_{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """One pass over the map."""
        with building(self.name) as kernel:
            data = self.x.argument("x")
            result = self.out.argument("out")
            store_map(result, self.out, lambda *index: data[index])
        return schedule_map(kernel.function)


@dataclass(frozen=True)
class ShuffleKernel:
    """The channels of a map in another order, which is data: for each lane of `out`, the lane of `x` it is."""

    x: Slab
    out: Slab

    @property
    def name(self) -> str:
        """For example `shuffle_64_80x80`."""
        return f"shuffle_{self.out.blocks * self.out.lanes}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Lane after lane, so that the place it comes from is looked up once a row."""
        x, out = self.x, self.out
        with building(self.name) as kernel:
            data = x.argument("x")
            sources = T.arg("sources", T.Buffer((out.blocks, out.lanes), "int32"))
            result = out.argument("out")
            with T.parallel(0, out.blocks * out.height) as task:
                y, block = tirx.floordiv(task, out.blocks), tirx.floormod(task, out.blocks)
                with T.grid(out.lanes, out.width) as (lane, column):
                    source = sources[block, lane]
                    value = data[tirx.floordiv(source, x.lanes), y, column, tirx.floormod(source, x.lanes)]
                    T.buffer_store(result, value, [block, y, column, lane])
        return kernel.function

"""Weighed sums of what maps hold at some points: a vector holds neighbouring channels of a pixel.

A task is a query of a group. Between pixels values are interpolated, and beyond the edges there are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import f32
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import broadcast, f32s, load, named, ramp

Level = tuple[int, int, int]  # first pixel, height, width


@dataclass(frozen=True)
class SampledMeanKernel:
    """Of values [pixels, groups * channels], a grid of each level, and weights, into [groups, channels, queries]."""

    groups: int
    channels: int
    queries: int
    points: int  # of a query in each level
    pixels: int
    levels: tuple[Level, ...]

    @property
    def name(self) -> str:
        """For example `sampled_mean_8x32_300x12`."""
        return f"sampled_mean_{self.groups}x{self.channels}_{self.queries}x{self.points * len(self.levels)}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Query after query."""
        lanes = next(lanes for lanes in (unit.lanes, 8, 4) if lanes <= unit.lanes and self.channels % lanes == 0)
        vectors, shape = self.channels // lanes, (self.groups, 2, self.queries, self.points)
        with building(self.name) as kernel:
            values = T.arg("values", T.Buffer((self.pixels, self.groups * self.channels), "float32"))
            grids = [T.arg(f"grid{number}", T.Buffer(shape, "float32")) for number in range(len(self.levels))]
            total = self.points * len(self.levels)
            weights = T.arg("weights", T.Buffer((self.groups, self.queries, total), "float32"))
            out = T.arg("out", T.Buffer((self.groups, self.channels, self.queries), "float32"))
            with T.parallel(0, self.groups * self.queries) as task:
                group, query = named(tirx.floordiv(task, self.queries)), named(tirx.floormod(task, self.queries))
                sums = T.alloc_buffer((vectors, lanes), "float32")
                for vector in range(vectors):
                    T.buffer_store(sums, f32s(0.0, lanes), [vector, ramp(0, lanes)])
                for number, (level, grid) in enumerate(zip(self.levels, grids, strict=True)):
                    with T.serial(0, self.points) as point:
                        x, y = (grid[group, axis, query, point] for axis in (0, 1))
                        share = named(weights[group, query, number * self.points + point])
                        for pixel, factor in _corners(level, x, y):
                            self._add(sums, (values, pixel, group), factor * share)
                with T.grid(vectors, lanes) as (vector, lane):
                    T.buffer_store(out, sums[vector, lane], [group, vector * lanes + lane, query])
        return kernel.function

    def _add(self, sums: Any, place: Sequence[Any], factor: Expr) -> None:
        """A pixel's channels, weighed."""
        values, pixel, group = place
        vectors, lanes = (int(extent) for extent in sums.ty.shape)
        pixel, factor = named(pixel), named(factor)
        for vector in range(vectors):
            found = load(values, pixel, ramp(group * self.channels + vector * lanes, lanes))
            total = load(sums, vector, ramp(0, lanes)) + broadcast(factor, lanes) * found
            T.buffer_store(sums, total, [vector, ramp(0, lanes)])


def _corners(level: Level, x: Expr, y: Expr) -> list[tuple[Expr, Expr]]:
    """The four pixels around a point, and the part that each has; those beyond the edges have none."""
    first, height, width = level
    columns, rows = _neighbours(x, width), _neighbours(y, height)
    return [(first + row * width + column, down * right) for (row, down), (column, right) in product(rows, columns)]


def _neighbours(at: Expr, size: int) -> list[tuple[Expr, Expr]]:
    """The two pixels of a row around -1..1, within it, and the part of each."""
    place = (at + f32(1.0)) * f32(size / 2) - f32(0.5)
    place = named(tirx.min(tirx.max(place, f32(-1.0)), f32(float(size))))  # from there on there is nothing
    before = named(tirx.floor(place))
    number, after = named(tirx.Cast("int32", before)), named(place - before)
    found = []
    for index, part in ((number, f32(1.0) - after), (number + 1, after)):
        inside = tirx.all(index >= 0, index < size)
        within = named(tirx.min(tirx.max(index, 0), size - 1))
        found.append((within, named(tirx.Select(inside, part, f32(0.0)))))
    return found

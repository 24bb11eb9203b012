"""Between packed maps and plain row-major tensors, and the zero border around packed maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building

LINE = 64  # bytes


def spans(segments: tuple[int, ...], lanes: int) -> list[tuple[int, int, int]]:
    """For each segment its first block, first channel, and channel count."""
    spans, block, channel = [], 0, 0
    for segment in segments:
        spans.append((block, channel, segment))
        block += -(-segment // lanes)
        channel += segment
    return spans


@dataclass(frozen=True)
class PackKernel:
    """A plain [channels, height, width] tensor becomes a packed map; holes are zero."""

    segments: tuple[int, ...]
    out: Slab

    @property
    def name(self) -> str:
        """For example `pack_64_80x80`."""
        return f"pack_{sum(self.segments)}_{self.out.height}x{self.out.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Each segment in a loop of its own, so that the lane arithmetic stays static."""
        out = self.out
        with building(self.name) as kernel:
            plain = T.arg("x", T.Buffer((sum(self.segments), out.height, out.width), out.dtype))
            packed = out.argument("out")
            for block, channel, count in spans(self.segments, out.lanes):
                blocks = -(-count // out.lanes)
                rows, columns, lanes = (
                    T.parallel(0, blocks * out.height),
                    T.serial(0, out.width),
                    T.vectorized(0, out.lanes),
                )
                with rows as task, columns as x, lanes as lane:
                    b, y = tirx.floordiv(task, out.height), tirx.floormod(task, out.height)
                    at = b * out.lanes + lane
                    value = plain[channel + at, y, x]
                    if count % out.lanes:
                        value = tirx.if_then_else(at < count, value, tirx.const(0, out.dtype))
                    T.buffer_store(packed, value, [block + b, y, x, lane])
        return kernel.function


@dataclass(frozen=True)
class UnpackKernel:
    """A packed map becomes a plain [channels, height, width] tensor."""

    segments: tuple[int, ...]
    x: Slab

    @property
    def name(self) -> str:
        """For example `unpack_64_80x80`."""
        return f"unpack_{sum(self.segments)}_{self.x.height}x{self.x.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Each segment in a loop of its own; a row of a channel is gathered from its lane."""
        x = self.x
        with building(self.name) as kernel:
            packed = x.argument("x")
            plain = T.arg("out", T.Buffer((sum(self.segments), x.height, x.width), x.dtype))
            for block, channel, count in spans(self.segments, x.lanes):
                with T.parallel(0, count) as c, T.grid(x.height, x.width) as (row, column):
                    b, lane = tirx.floordiv(c, x.lanes), tirx.floormod(c, x.lanes)
                    T.buffer_store(plain, packed[block + b, row, column, lane], [channel + c, row, column])
        return kernel.function


@dataclass(frozen=True)
class Border:
    """What is around a map: `x` is the map with it, `zero` what stands for zero there."""

    x: Slab
    halo: int
    zero: int = 0

    def clear(self, buffer: Any, task: Expr, tasks: int) -> None:
        """A task's part: rows at their ends, and lines of the cache of those above and below."""
        x, halo = self.x, self.halo
        rows = T.serial(*_part(task, tasks, x.height))
        with rows as row, T.If(tirx.all(row >= halo, row < x.height - halo)), T.Then():
            self._fill(buffer, row, 0, halo)
            self._fill(buffer, row, x.width - halo, halo)
        line = min(x.width, max(1, LINE // (x.lanes * np.dtype(x.dtype).itemsize)))
        with T.serial(*_part(task, tasks, -(-x.width // line))) as part, T.serial(0, halo) as edge:
            first = tirx.min(part * line, x.width - line)
            self._fill(buffer, edge, first, line)
            self._fill(buffer, x.height - 1 - edge, first, line)

    def _fill(self, buffer: Any, row: Any, first: Any, columns: int) -> None:
        zero = tirx.const(self.zero, self.x.dtype)
        with T.grid(self.x.blocks, columns) as (block, column), T.vectorized(0, self.x.lanes) as lane:
            T.buffer_store(buffer, zero, [block, row, first + column, lane])


def _part(task: Expr, tasks: int, count: int) -> tuple[Any, Any]:
    """The first of a task's, and the one behind its last."""
    if count == tasks:
        return task, task + 1
    return tirx.floordiv(task * count, tasks), tirx.floordiv((task + 1) * count, tasks)


@dataclass(frozen=True)
class HaloKernel:
    """Zeros in the borders of some maps; the parameters are the maps."""

    borders: tuple[Border, ...]

    @property
    def name(self) -> str:
        """For example `halo_64_82x82_and_2`, which are others."""
        x, others = self.borders[0].x, len(self.borders) - 1
        return f"halo_{x.blocks * x.lanes}_{x.height}x{x.width}" + (f"_and_{others}" if others else "")

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """By rows, mostly by the threads that will fill them."""
        tasks = max(border.x.height for border in self.borders)
        with building(self.name) as kernel:
            buffers = [border.x.argument(f"x{number}") for number, border in enumerate(self.borders)]
            with T.parallel(0, tasks) as task:
                for border, buffer in zip(self.borders, buffers, strict=True):
                    border.clear(buffer, task, tasks)
        return kernel.function

"""Between packed maps and plain row-major tensors, and the zero border around packed maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building


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
class HaloKernel:
    """Zeros in the border of a map, or what stands for zero; `x` is the map with its border."""

    x: Slab
    halo: int
    zero: int = 0

    @property
    def name(self) -> str:
        """For example `halo_64_82x82`."""
        return f"halo_{self.x.blocks * self.x.lanes}_{self.x.height}x{self.x.width}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Rows at their ends, by the threads that will fill them, most often; those above and below by all threads."""
        x, halo = self.x, self.halo
        zero, each = tirx.const(self.zero, x.dtype), -(-x.width // x.height)

        def clear(buffer: Any, row: Expr, first: Expr, columns: int) -> None:
            with T.grid(x.blocks, columns) as (block, column), T.vectorized(0, x.lanes) as lane:
                T.buffer_store(buffer, zero, [block, row, first + column, lane])

        with building(self.name) as kernel:
            buffer = x.argument("x")
            with T.parallel(0, x.height) as row:
                with T.If(tirx.all(row >= halo, row < x.height - halo)), T.Then():
                    clear(buffer, row, 0, halo)
                    clear(buffer, row, x.width - halo, halo)
                part = tirx.min(row * each, x.width - each)
                with T.serial(0, halo) as edge:
                    clear(buffer, edge, part, each)
                    clear(buffer, x.height - 1 - edge, part, each)
        return kernel.function

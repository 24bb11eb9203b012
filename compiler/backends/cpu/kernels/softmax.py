"""Softmax: a vector holds neighbours on the last axis, be it along another one, whose mean may be weighed, or that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import exp, f32
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.backends.cpu.kernels.vector import across, named

LOWEST = -3.4e38
VECTORS = 4  # at once: one alone would wait for each step of its exponential


@dataclass(frozen=True)
class SoftmaxKernel:
    """Of `x` [outer, extent, inner] along its middle axis; `weighted` sums that axis up by weights of its own."""

    outer: int
    extent: int
    inner: int
    weighted: bool

    @property
    def name(self) -> str:
        """For example `softmax_mean_4x16x8400`."""
        return f"softmax{'_mean' if self.weighted else ''}_{self.outer}x{self.extent}x{self.inner}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Several vectors at once over the threads, then what is left of each row."""
        with building(self.name) as kernel:
            x = T.arg("x", T.Buffer((self.outer, self.extent, self.inner), "float32"))
            weights = T.arg("weights", T.Buffer((self.extent,), "float32")) if self.weighted else None
            kept = 1 if self.weighted else self.extent
            out = T.arg("out", T.Buffer((self.outer, kept, self.inner), "float32"))
            first = 0
            for lanes in (VECTORS * unit.lanes, unit.lanes, 1):
                count = (self.inner - first) // lanes
                if count:
                    with T.parallel(0, self.outer * count) as task:
                        row, begin = tirx.floordiv(task, count), first + tirx.floormod(task, count) * lanes
                        self._column(_Column(x, row, begin, lanes), weights, out)
                first += count * lanes
        return kernel.function

    def _column(self, x: _Column, weights: Any, out: Any) -> None:
        """One vector's softmax: e**(x - highest), and the reciprocal of their sum."""
        highest, total, mean = x.register(LOWEST), x.register(0.0), x.register(0.0)
        with T.serial(0, self.extent) as k, T.vectorized(0, x.lanes) as lane:
            T.buffer_store(highest, tirx.max(highest[lane], x.at(k, lane)), [lane])
        with T.serial(0, self.extent) as k:
            power = x.register(0.0)
            with T.vectorized(0, x.lanes) as lane:
                T.buffer_store(power, exp(x.at(k, lane) - highest[lane]), [lane])
            with T.vectorized(0, x.lanes) as lane:
                T.buffer_store(total, total[lane] + power[lane], [lane])
            with T.vectorized(0, x.lanes) as lane:
                if weights is None:
                    T.buffer_store(out, power[lane], [x.row, k, x.begin + lane])
                else:
                    T.buffer_store(mean, mean[lane] + power[lane] * weights[k], [lane])
        if weights is not None:
            with T.vectorized(0, x.lanes) as lane:
                T.buffer_store(out, mean[lane] / total[lane], [x.row, 0, x.begin + lane])
            return
        with T.serial(0, self.extent) as k, T.vectorized(0, x.lanes) as lane:
            share = out[x.row, k, x.begin + lane] / total[lane]
            T.buffer_store(out, share, [x.row, k, x.begin + lane])


@dataclass(frozen=True)
class _Column:
    """A vector's worth of columns."""

    x: Any
    row: Expr
    begin: Expr
    lanes: int

    def at(self, k: Expr, lane: Expr) -> Expr:
        """One lane of the column's k-th element."""
        return self.x[self.row, k, self.begin + lane]

    def register(self, value: float) -> Any:
        """A vector of that value."""
        vector = T.alloc_buffer((self.lanes,), "float32", scope="local")
        with T.vectorized(0, self.lanes) as lane:
            T.buffer_store(vector, f32(value), [lane])
        return vector


@dataclass(frozen=True)
class SoftmaxRows:
    """Of each row of `x` [rows, extent]."""

    rows: int
    extent: int

    @property
    def name(self) -> str:
        """For example `softmax_rows_2400x300`."""
        return f"softmax_rows_{self.rows}x{self.extent}"

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Rows over the threads; of each its highest, the powers of what is below it, and their shares."""
        lanes = unit.lanes
        with building(self.name) as kernel:
            x = T.arg("x", T.Buffer((self.rows, self.extent), "float32"))
            out = T.arg("out", T.Buffer((self.rows, self.extent), "float32"))
            with T.parallel(0, self.rows) as row:
                highest, total = (T.alloc_buffer((1, lanes), "float32") for _ in range(2))
                with T.vectorized(0, lanes) as lane:
                    T.buffer_store(highest, f32(LOWEST), [0, lane])
                    T.buffer_store(total, f32(0.0), [0, lane])
                for at, lane in self._elements(lanes):
                    T.buffer_store(highest, tirx.max(highest[0, lane], x[row, at]), [0, lane])
                most = named(across(highest, 0, lanes, tirx.max))
                for at, _ in self._elements(lanes):
                    T.buffer_store(out, exp(x[row, at] - most), [row, at])
                for at, lane in self._elements(lanes):
                    T.buffer_store(total, total[0, lane] + out[row, at], [0, lane])
                share = named(f32(1.0) / across(total, 0, lanes, add))
                for at, _ in self._elements(lanes):
                    T.buffer_store(out, out[row, at] * share, [row, at])
        return kernel.function

    def _elements(self, lanes: int) -> Iterator[tuple[Expr, Expr]]:
        """Inside loops over vectors and their lanes, and inside one over what is left: an element, and its lane."""
        whole, rest = divmod(self.extent, lanes)
        if whole:
            with T.serial(0, whole) as vector, T.vectorized(0, lanes) as lane:
                yield vector * lanes + lane, lane
        if rest:
            with T.vectorized(0, rest) as lane:
                yield whole * lanes + lane, lane

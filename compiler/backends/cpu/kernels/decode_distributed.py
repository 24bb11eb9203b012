"""The decoded output of heads without anchors: every attribute of every candidate, attribute after attribute.

A vector holds neighbouring cells, so that what it makes is stored as it lies; its operands are gathered from the maps'
lanes. With a side's distance the mean of its distribution over the bins, a box is centre and size in input pixels;
scores are sigmoids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import add
from typing import Any

from tvm import tirx
from tvm.ir import Expr
from tvm.script.ir_builder import tirx as T

from zcc.compiler.backends.cpu.kernels.activation import LOG2E, POWER_LIMIT, f32, power_of_two, sigmoid
from zcc.compiler.backends.cpu.kernels.slab import Slab
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit, building
from zcc.compiler.ir.heads.anchor_free import BINS

SIDES = 4  # left, top, right, bottom
MOST_VECTORS = 8  # of a task: their lanes of one block fit into the first cache


@dataclass(frozen=True)
class DecodeDistributed:
    """Parameters: boxes and scores of each scale, then the output [attributes, candidates] as one row of floats."""

    boxes: tuple[Slab, ...]
    scores: tuple[Slab, ...]
    strides: tuple[int, ...]
    classes: int

    @property
    def name(self) -> str:
        """For example `decode_distributed_84x8400`."""
        return f"decode_distributed_{SIDES + self.classes}x{self.candidates}"

    @property
    def candidates(self) -> int:
        """Columns of the output."""
        return sum(x.height * x.width for x in self.scores)

    def build(self, unit: VectorUnit) -> tirx.PrimFunc:
        """Scale after scale, a few vectors of cells at a time over the threads."""
        with building(self.name) as kernel:
            runs = [_in_runs(*maps) for maps in zip(self.boxes, self.scores, strict=True)]
            maps = [(b.argument(f"boxes{i}"), s.argument(f"scores{i}")) for i, (b, s) in enumerate(runs)]
            out = T.arg("out", T.Buffer(((SIDES + self.classes) * self.candidates,), "float32", align=4))
            first = 0
            for k, (boxes, scores) in enumerate(maps):
                rows, length = runs[k][0].height, runs[k][0].width
                scale = _Scale(self, k, boxes, scores, out, first)
                begin = 0
                for lanes in (unit.lanes, 1):
                    vectors = (length - begin) // lanes
                    if vectors:
                        scale.write(rows, begin, vectors, lanes)
                    begin += vectors * lanes
                first += rows * length
        return kernel.function


def _in_runs(boxes: Slab, scores: Slab) -> tuple[Slab, Slab]:
    """The maps with all rows as one, where nothing lies between them."""
    apart = any(x.pitch != x.width * x.lanes for x in (boxes, scores))
    return (boxes, scores) if apart else (_run(boxes), _run(scores))


def _run(x: Slab) -> Slab:
    return replace(x, height=1, width=x.height * x.width, pitch=x.height * x.pitch)


@dataclass(frozen=True)
class _Scale:
    """The maps of one scale, and where its candidates begin."""

    head: DecodeDistributed
    number: int
    boxes: Any
    scores: Any
    out: Any
    first: int

    def write(self, rows: int, begin: int, vectors: int, lanes: int) -> None:
        """All attributes of `vectors` times `lanes` cells of every row."""
        length = int(self.scores.ty.shape[2])
        together = max(n for n in range(1, MOST_VECTORS + 1) if vectors % n == 0)
        tasks = vectors // together
        with T.parallel(0, rows * tasks) as task:
            row = tirx.floordiv(task, tasks)
            start = begin + tirx.floormod(task, tasks) * (together * lanes)
            with T.serial(0, together) as vector:
                self._write_box(_Cells(row, start + vector * lanes, length, lanes))
            with T.serial(0, self.head.classes) as label, T.serial(0, together) as vector:
                cells = _Cells(row, start + vector * lanes, length, lanes)
                with T.vectorized(0, lanes) as i:
                    self._store(SIDES + label, cells, i, sigmoid(cells.read(self.scores, label, i)))

    def _write_box(self, cells: _Cells) -> None:
        distances = T.alloc_buffer((SIDES, cells.lanes), "float32", scope="local")
        with T.serial(0, SIDES) as side:
            self._measure(cells, side, distances)
        stride, width = float(self.head.strides[self.number]), self.head.scores[self.number].width
        with T.vectorized(0, cells.lanes) as i:
            for axis, centre in enumerate(cells.centre(i, width)):
                low, high = distances[axis, i], distances[axis + 2, i]
                self._store(axis, cells, i, (centre + (high - low) * f32(0.5)) * f32(stride))
                self._store(axis + 2, cells, i, (low + high) * f32(stride))

    def _measure(self, cells: _Cells, side: Expr, distances: Any) -> None:
        """The mean of one side's distribution."""
        powers = T.alloc_buffer((BINS, cells.lanes), "float32", scope="local")
        highest = T.alloc_buffer((cells.lanes,), "float32", scope="local")
        with T.serial(0, BINS) as k, T.vectorized(0, cells.lanes) as i:
            T.buffer_store(powers, cells.read(self.boxes, side * BINS + k, i), [k, i])
        # One expression over all bins: an accumulator would wait for memory at every bin.
        with T.vectorized(0, cells.lanes) as i:
            T.buffer_store(highest, _folded(tirx.max, [powers[k, i] for k in range(BINS)]), [i])
        with T.serial(0, BINS) as k, T.vectorized(0, cells.lanes) as i:
            exponent = tirx.max((powers[k, i] - highest[i]) * f32(LOG2E), f32(-POWER_LIMIT))
            T.buffer_store(powers, power_of_two(exponent), [k, i])
        with T.vectorized(0, cells.lanes) as i:
            moment = _folded(add, [powers[k, i] * f32(float(k)) for k in range(1, BINS)])
            T.buffer_store(distances, moment / _folded(add, [powers[k, i] for k in range(BINS)]), [side, i])

    def _store(self, attribute: Expr | int, cells: _Cells, i: Expr, value: Expr) -> None:
        place = attribute * self.head.candidates + self.first + cells.row * cells.length + cells.start
        T.buffer_store(self.out, value, [place + i])


@dataclass(frozen=True)
class _Cells:
    """A vector's worth of cells, of a map's row or, in one run, of all its rows."""

    row: Expr
    start: Expr
    length: int
    lanes: int

    def read(self, view: Any, channel: Expr, i: Expr) -> Expr:
        """One channel of one cell."""
        block = int(view.ty.shape[3])
        return view[tirx.floordiv(channel, block), self.row, self.start + i, tirx.floormod(channel, block)]

    def centre(self, i: Expr, width: int) -> tuple[Expr, Expr]:
        """x and y of a cell's centre, in cells of a map so wide."""
        number = tirx.Cast("float32", self.row * self.length + self.start + i)
        # Half a cell more than the number lies at least half a cell from every whole row, whatever division rounds.
        above = tirx.floor((number + f32(0.5)) * f32(1.0 / width))
        return number - above * f32(width) + f32(0.5), above + f32(0.5)


def _folded(operator: Callable[[Expr, Expr], Expr], values: Sequence[Expr]) -> Expr:
    """All values under the operator, halves with halves."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return operator(_folded(operator, values[:half]), _folded(operator, values[half:]))

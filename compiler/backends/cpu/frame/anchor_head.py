"""Candidates in the raw maps of v3 and v5: for each anchor, logits of box, objectness and classes.

The threshold is taken on the objectness logits; only candidates see a sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import Blocks, FoundBuffers, add, best_class
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import PackedMap, channel, choose, ends, extent, least_logit
from zcc.compiler.backends.cpu.frame.scratch import variable
from zcc.compiler.backends.cpu.kernels.activation import sigmoid

BOX_AND_OBJECTNESS = 5


@dataclass(frozen=True)
class AnchorScale:
    """The map of one stride, anchor after anchor, and the anchors' width and height in input pixels."""

    stride: int
    raw: PackedMap
    anchors: tuple[tuple[float, float], ...]

    @property
    def rows(self) -> int:
        """Rows of all anchors."""
        return len(self.anchors) * self.raw.slab.height

    @property
    def cells(self) -> int:
        """How many candidates it has."""
        return self.rows * self.raw.slab.width

    def extent(self, anchor: Expr, axis: int) -> Expr:
        """Width (axis 0) or height of an anchor."""
        *others, last = [T.float32(sides[axis]) for sides in self.anchors]
        for number, other in enumerate(others):
            last = T.Select(anchor == number, other, last)
        return last


@dataclass(frozen=True)
class AnchorHead:
    """A raw head with anchors; candidates are ordered by scale, anchor, row and column."""

    classes: int
    scales: tuple[AnchorScale, ...]
    suppress: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the memory that holds the maps."""
        return (extent(scale.raw for scale in self.scales),)

    @property
    def candidates(self) -> int:
        """How many there are."""
        return sum(scale.cells for scale in self.scales)

    @property
    def blocks(self) -> Blocks:
        """A block is a row of one anchor."""
        return Blocks(tuple((scale.rows, scale.raw.slab.width) for scale in self.scales))

    def open(self, buffer: Any) -> Any:
        """Views of the maps, by scale."""
        return [scale.raw.view(buffer) for scale in self.scales]

    def first(self, anchor: Expr) -> Expr:
        """An anchor's first channel."""
        return anchor * (BOX_AND_OBJECTNESS + self.classes)

    def scores_of(self, raw: Any, anchor: Expr, y: Expr, x: Expr) -> Callable[[Expr], Expr]:
        """A candidate's score by class."""
        first = self.first(anchor) + BOX_AND_OBJECTNESS
        return lambda c: sigmoid(channel(raw, first + c, y, x))

    def collect(self, views: Any, block: Expr, conf: Expr, found: FoundBuffers) -> None:
        """List a row's candidates above the threshold."""
        rows = ends([scale.rows for scale in self.scales])
        cells = ends([scale.cells for scale in self.scales])

        def write(k: int) -> None:
            scale = self.scales[k]
            first_row, first_cell = rows[k] - scale.rows, cells[k] - scale.cells
            _collect_row(self, views[k], block, block - first_row, first_cell, conf, found)

        choose(block, rows, write)

    def read_box(self, views: Any, index: Expr, box: Any) -> None:
        """Put a candidate's corners, in input pixels, into `box`."""
        cells = ends([scale.cells for scale in self.scales])

        def write(k: int) -> None:
            scale = self.scales[k]
            for axis in (0, 1):
                _read_axis(self, scale, views[k], index - (cells[k] - scale.cells), axis, box)

        choose(index, cells, write)


@inline
def _collect_row(head: Any, raw: Any, block: Any, row: Any, first: int, conf: Any, found: Any) -> None:
    height = T.meta_var(int(raw.ty.shape[1]))
    width = T.meta_var(int(raw.ty.shape[2]))
    lanes = T.meta_var(int(raw.ty.shape[3]))
    best = variable("float32")
    label = variable("int32")
    certainty = variable("float32")  # a let would be inlined, and the sigmoid computed thrice
    least: T.let = least_logit(conf)
    anchor: T.let = T.truncdiv(row, height)
    y: T.let = T.truncmod(row, height)
    for x in range(width):
        logit: T.let = channel(raw, head.first(anchor) + 4, y, x)
        if logit > least:
            certainty[0] = sigmoid(logit)
            best_class(head.scores_of(raw, anchor, y, x), head.classes, lanes, best, label)
            if T.And(certainty[0] > conf, best[0] * certainty[0] > conf):
                add(found, head.blocks, block, first + row * width + x, best[0] * certainty[0], label[0])


@inline
def _read_axis(head: Any, scale: Any, raw: Any, cell: Any, axis: int, box: Any) -> None:
    """The corners of one axis: a sigmoid each for the centre and the size."""
    height = T.meta_var(int(raw.ty.shape[1]))
    width = T.meta_var(int(raw.ty.shape[2]))
    anchor: T.let = T.truncdiv(cell, height * width)
    y: T.let = T.truncmod(T.truncdiv(cell, width), height)
    x: T.let = T.truncmod(cell, width)
    place: T.let = T.float32(2) * sigmoid(channel(raw, head.first(anchor) + axis, y, x))
    side: T.let = T.float32(2) * sigmoid(channel(raw, head.first(anchor) + 2 + axis, y, x))
    origin: T.let = T.cast((x, y)[axis], "float32") - T.float32(0.5)
    centre: T.let = (place + origin) * T.float32(scale.stride)
    reach: T.let = side * side * scale.extent(anchor, axis) * T.float32(0.5)
    box[axis] = centre - reach
    box[axis + 2] = centre + reach

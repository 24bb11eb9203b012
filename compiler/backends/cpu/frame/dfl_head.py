"""Candidates in the raw maps of v8 and 11: class logits and, for each side of the box, a distribution.

The threshold is taken on the logits; only candidates see a sigmoid, and a softmax only in the selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import LOWEST, Blocks, FoundBuffers, add, best_class
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.lanes import any_lane, largest
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.raw import PackedMap, channel, choose, ends, extent, least_logit
from zcc.compiler.backends.cpu.frame.raw_details import angle_of, read_details
from zcc.compiler.backends.cpu.frame.rotated import turn
from zcc.compiler.backends.cpu.frame.scratch import variable
from zcc.compiler.backends.cpu.kernels.activation import exp, sigmoid
from zcc.compiler.backends.cpu.kernels.vector import cast, product
from zcc.compiler.ir.heads.anchor_free import BINS
from zcc.compiler.ir.tasks.detail_decoding import DetailDecoding

SIDES = 4  # left, top, right, bottom


@dataclass(frozen=True)
class DflScale:
    """The maps of one stride: 64 channels of boxes, a channel per class of scores, and details of some tasks."""

    stride: int
    boxes: PackedMap
    scores: PackedMap
    details: PackedMap | None = None

    @property
    def maps(self) -> list[PackedMap]:
        """All of them."""
        return [self.boxes, self.scores, *([] if self.details is None else [self.details])]

    @property
    def cells(self) -> int:
        """How many candidates it has."""
        return self.scores.slab.height * self.scores.slab.width


@dataclass(frozen=True)
class DflHead:
    """A raw head without anchors; candidates are ordered by scale, row and column."""

    classes: int
    scales: tuple[DflScale, ...]
    suppress: bool = True
    details: DetailDecoding | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the memory that holds the maps."""
        return (extent(map for scale in self.scales for map in scale.maps),)

    @property
    def candidates(self) -> int:
        """How many there are."""
        return sum(scale.cells for scale in self.scales)

    @property
    def blocks(self) -> Blocks:
        """A block is a row of a map."""
        return Blocks(tuple((scale.scores.slab.height, scale.scores.slab.width) for scale in self.scales))

    def open(self, buffer: Any) -> Any:
        """Views of boxes, scores and details, by scale."""
        return [[each.view(buffer) for each in scale.maps] for scale in self.scales]

    def scores_of(self, scores: Any, y: Expr, x: Expr) -> Callable[[Expr], Expr]:
        """A candidate's score by class."""
        return lambda c: sigmoid(channel(scores, c, y, x))

    def collect(self, views: Any, block: Expr, conf: Expr, found: FoundBuffers) -> None:
        """List a row's candidates above the threshold."""
        rows = ends([count for count, _ in self.blocks.runs])
        cells = ends([scale.cells for scale in self.scales])

        def write(k: int) -> None:
            scale, scores = self.scales[k], views[k][1]
            first_row, first_cell = rows[k] - scale.scores.slab.height, cells[k] - scale.cells
            _collect_row(self, scores, block, block - first_row, first_cell, conf, found)

        choose(block, rows, write)

    def read_box(self, views: Any, index: Expr, box: Any) -> None:
        """Put a candidate's corners, in input pixels, into `box`."""
        self._at(views, index, lambda maps, stride, cell: _read_box(maps[0], stride, cell, box))

    def read_details(self, views: Any, index: Expr, details: Any, row: Expr) -> None:
        """Put the numbers that a task adds to a candidate into a row of `details`."""
        assert self.details is not None
        read = read_details(self.details)
        self._at(views, index, lambda maps, stride, cell: read(maps[2], stride, cell, details, row))

    def read_rotated(self, views: Any, index: Expr, box: Any) -> None:
        """Put centre, sides and angle of a candidate's box into `box`."""
        self._at(views, index, lambda maps, stride, cell: _read_rotated(self.details, maps, stride, cell, box))

    def _at(self, views: Any, index: Expr, write: Callable[[Any, int, Expr], None]) -> None:
        """Emit what is written of a candidate, given the views of its scale, the stride of that, and its cell there."""
        cells = ends([scale.cells for scale in self.scales])

        def write_scale(k: int) -> None:
            scale = self.scales[k]
            write(views[k], scale.stride, index - (cells[k] - scale.cells))

        choose(index, cells, write_scale)


@inline
def _find_peaks(scores: Any, classes: int, y: Any, x: Any, peaks: Any) -> None:
    """The largest logits of a place, lane by lane; lanes past the last class hold no score."""
    lanes = T.meta_var(int(scores.ty.shape[-1]))
    for lane in T.vectorized(lanes):
        peaks[lane] = T.float32(LOWEST)
    for block in range(classes // lanes):
        for lane in T.vectorized(lanes):
            peaks[lane] = T.max(scores[block, y, x, lane], peaks[lane])
    if classes % lanes > 0:
        for lane in T.vectorized(lanes):
            logit: T.let = T.Select(lane < classes % lanes, scores[classes // lanes, y, x, lane], T.float32(LOWEST))
            peaks[lane] = T.max(logit, peaks[lane])


@inline
def _collect_row(head: Any, scores: Any, block: Any, y: Any, first: int, conf: Any, found: Any) -> None:
    lanes = T.meta_var(int(scores.ty.shape[-1]))
    width = T.meta_var(int(scores.ty.shape[2]))
    peaks = T.alloc_buffer((lanes,), "float32")
    best = variable("float32")
    label = variable("int32")
    least: T.let = least_logit(conf)
    for x in range(width):
        _find_peaks(scores, head.classes, y, x, peaks)
        if any_lane(peaks[T.ramp(0, 1, lanes)] > T.broadcast(least, lanes)):
            best_class(head.scores_of(scores, y, x), head.classes, lanes, best, label)
            if best[0] > conf:
                add(found, head.blocks, block, first + y * width + x, best[0], label[0])


@inline
def _fold(values: Any, half: int) -> None:
    for lane in T.vectorized(half):
        values[lane] = values[lane] + values[half + lane]


def sum_up(values: Any) -> None:
    """Add halves to halves until two values are left."""
    half = BINS // 2
    while half > 1:
        _fold(values, half)
        half //= 2


@inline
def _read_distances(boxes: Any, y: Any, x: Any, distances: Any) -> None:
    """The mean of each side's distribution: how many cells it is from the cell's centre."""
    shares = T.alloc_buffer((BINS,), "float32")
    moments = T.alloc_buffer((BINS,), "float32")
    for side in range(SIDES):
        for lane in T.vectorized(BINS):
            shares[lane] = channel(boxes, side * BINS + lane, y, x)
        top: T.let = largest(shares[T.ramp(0, 1, BINS)])
        for lane in T.vectorized(BINS):
            shares[lane] = exp(shares[lane] - top)
        # Not fused into the first of the sums, as it would be where a register holds half of a distribution.
        moments[T.ramp(0, 1, BINS)] = product(shares[T.ramp(0, 1, BINS)], cast("float32", T.ramp(0, 1, BINS)))
        sum_up(shares)
        sum_up(moments)
        distances[side] = (moments[0] + moments[1]) / (shares[0] + shares[1])


@inline
def _read_box(boxes: Any, stride: int, cell: Any, box: Any) -> None:
    """The sides lie at their distances from the cell's centre."""
    distances = T.alloc_buffer((SIDES,), "float32")
    width = T.meta_var(int(boxes.ty.shape[2]))
    y: T.let = T.truncdiv(cell, width)
    x: T.let = T.truncmod(cell, width)
    _read_distances(boxes, y, x, distances)
    for side in range(SIDES):
        centre: T.let = T.cast(T.Select(side % 2 == 0, x, y), "float32") + T.float32(0.5)
        box[side] = T.float32(stride) * T.Select(side < 2, centre - distances[side], centre + distances[side])


@inline
def _read_rotated(decoding: Any, maps: Any, stride: int, cell: Any, box: Any) -> None:
    """The same along the sides of a box that is turned around the cell's centre."""
    distances = T.alloc_buffer((SIDES,), "float32")
    turned = T.alloc_buffer((2,), "float32")
    width = T.meta_var(int(maps[0].ty.shape[2]))
    pixels = T.meta_var(T.float32(stride))
    y: T.let = T.truncdiv(cell, width)
    x: T.let = T.truncmod(cell, width)
    _read_distances(maps[0], y, x, distances)
    box[4] = angle_of(decoding, maps[2], y, x)
    turn(box[4], turned)
    across: T.let = (distances[2] - distances[0]) * T.float32(0.5)
    down: T.let = (distances[3] - distances[1]) * T.float32(0.5)
    box[0] = (T.cast(x, "float32") + T.float32(0.5) + (across * turned[0] - down * turned[1])) * pixels
    box[1] = (T.cast(y, "float32") + T.float32(0.5) + (across * turned[1] + down * turned[0])) * pixels
    box[2] = (distances[0] + distances[2]) * pixels
    box[3] = (distances[1] + distances[3]) * pixels

"""Candidates in the network's decoded output: rows or columns of box, objectness and class scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import LOWEST, Blocks, FoundBuffers, add, best_class
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr
from zcc.compiler.backends.cpu.frame.scratch import variable
from zcc.compiler.ir.heads.head import Head

BLOCK_VECTORS = 4  # vectors of candidates per block: enough running maxima in flight to hide their latency


@dataclass(frozen=True)
class Decoded:
    """A decoded output, searched in equal blocks, the last of which overlaps the one before it."""

    head: Head
    vector: int  # float32 lanes of the machine

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.head.shape

    @property
    def candidates(self) -> int:
        """How many there are."""
        return self.head.candidates

    @property
    def suppress(self) -> bool:
        """Finished detections need no suppression."""
        return not self.head.finished

    @property
    def lanes(self) -> int:
        """Candidates in a vector: as many as the machine takes, if there are so many."""
        return min(self.vector, 1 << (self.candidates.bit_length() - 1))

    @property
    def size(self) -> int:
        """Candidates in a block."""
        return self.lanes * min(BLOCK_VECTORS, self.candidates // self.lanes)

    @property
    def blocks(self) -> Blocks:
        """All candidates, in blocks of one size."""
        return Blocks(((-(-self.candidates // self.size), self.size),))

    def open(self, buffer: Any) -> Any:
        """The network's output as it lies."""
        return buffer

    def start(self, block: Expr) -> Expr:
        """The candidate that a block begins with."""
        return T.min(block * self.size, self.candidates - self.size)

    def value(self, output: Any, index: Expr, number: Expr) -> Expr:
        """One number of one candidate, whichever way the output is laid out."""
        return output[0, number, index] if self.head.candidates_last else output[0, index, number]

    def scores_of(self, output: Any, index: Expr) -> Callable[[Expr], Expr]:
        """A candidate's score by class."""
        return lambda c: self.value(output, index, self.head.first_score + c)

    def certainty(self, output: Any, index: Expr) -> Expr:
        """What multiplies a candidate's scores."""
        return self.value(output, index, 4) if self.head.objectness else T.float32(1)

    def passes(self, certainty: Expr, conf: Expr) -> Expr:
        """Whether the objectness lets a candidate through."""
        return certainty > conf if self.head.objectness else T.bool(True)

    def collect(self, views: Any, block: Expr, conf: Expr, found: FoundBuffers) -> None:
        """List a block's candidates above the threshold."""
        if self.head.final:
            _collect_final(self, views, block, conf, found)
        elif self.head.candidates_last:
            _collect_columns(self, views, block, conf, found)
        else:
            _collect_rows(self, views, block, conf, found)

    def read_box(self, views: Any, index: Expr, box: Any) -> None:
        """Put a candidate's corners, in input pixels, into `box`."""
        if self.head.final or self.head.corners:
            _read_corners(self, views, index, box)
        else:
            _read_centre(self, views, index, box)

    def read_details(self, views: Any, index: Expr, details: Any, row: Expr) -> None:
        """Put the numbers behind a candidate's scores into a row of `details`."""
        _read_details(self, views, index, details, row)

    def read_rotated(self, views: Any, index: Expr, box: Any) -> None:
        """Put centre, sides and angle of a candidate's box into `box`."""
        _read_rotated(self, views, index, box)


@inline
def _collect_columns(source: Any, output: Any, block: Any, conf: Any, found: Any) -> None:
    """Running maxima of a block of candidates, class by class."""
    best = T.alloc_buffer((source.size,), "float32")
    label = T.alloc_buffer((source.size,), "int32")
    start: T.let = source.start(block)
    for vector in T.unroll(source.size // source.lanes):
        for lane in T.vectorized(source.lanes):
            best[vector * source.lanes + lane] = T.float32(LOWEST)
            label[vector * source.lanes + lane] = 0
    for c in range(source.head.classes):
        for vector in T.unroll(source.size // source.lanes):
            for lane in T.vectorized(source.lanes):
                i: T.let = vector * source.lanes + lane
                score: T.let = output[0, source.head.first_score + c, start + i]
                label[i] = T.Select(score > best[i], c, label[i])
                best[i] = T.Select(score > best[i], score, best[i])
    for i in range(block * source.size - start, source.size):
        certainty: T.let = source.certainty(output, start + i)
        if T.And(source.passes(certainty, conf), best[i] * certainty > conf):
            add(found, source.blocks, block, start + i, best[i] * certainty, label[i])


@inline
def _collect_rows(source: Any, output: Any, block: Any, conf: Any, found: Any) -> None:
    """Row by row; where there is an objectness, only rows that pass it are read."""
    best = variable("float32")
    label = variable("int32")
    start: T.let = source.start(block)
    for i in range(block * source.size - start, source.size):
        certainty: T.let = source.certainty(output, start + i)
        if source.passes(certainty, conf):
            best_class(source.scores_of(output, start + i), source.head.classes, source.vector, best, label)
            if best[0] * certainty > conf:
                add(found, source.blocks, block, start + i, best[0] * certainty, label[0])


@inline
def _collect_final(source: Any, output: Any, block: Any, conf: Any, found: Any) -> None:
    """Candidates that are detections already: x1, y1, x2, y2, score, class."""
    highest = T.meta_var(T.float32(source.head.classes - 1))
    start: T.let = source.start(block)
    for i in range(block * source.size - start, source.size):
        score: T.let = source.value(output, start + i, 4)
        label: T.let = T.max(T.min(source.value(output, start + i, 5), highest), T.float32(0))
        if score > conf:
            add(found, source.blocks, block, start + i, score, T.cast(label, "int32"))


@inline
def _read_corners(source: Any, output: Any, index: Any, box: Any) -> None:
    for corner in T.unroll(4):
        box[corner] = source.value(output, index, corner)


@inline
def _read_details(source: Any, output: Any, index: Any, details: Any, row: Any) -> None:
    for number in range(source.head.details):
        details[row, number] = source.value(output, index, source.head.first_detail + number)


@inline
def _read_rotated(source: Any, output: Any, index: Any, box: Any) -> None:
    for number in T.unroll(4):
        box[number] = source.value(output, index, number)
    box[4] = source.value(output, index, source.head.first_detail)


@inline
def _read_centre(source: Any, output: Any, index: Any, box: Any) -> None:
    for axis in T.unroll(2):
        centre: T.let = source.value(output, index, axis)
        reach: T.let = source.value(output, index, axis + 2) * T.float32(0.5)
        box[axis] = centre - reach
        box[axis + 2] = centre + reach

"""Which candidates score above the threshold: one look at every score, in parallel, by blocks of candidates.

A candidate's score is that of its best class, the first of equals; a class that scores NaN never is.
An objectness multiplies the score, and must itself pass the threshold. Blocks list what they find in order of
index, so the outcome does not depend on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.frame.letterbox import Expr
from zcc.compiler.frame.scratch import variable
from zcc.compiler.frame.vector import largest, smallest
from zcc.compiler.frontend.model import Head

BLOCK_VECTORS = 4  # vectors of candidates per block: enough running maxima in flight to hide their latency
LOWEST = float("-inf")


@dataclass(frozen=True)
class Blocks:
    """How candidates are cut up: `count` blocks of `size`, the last overlapping the one before it."""

    candidates: int
    lanes: int
    size: int

    @classmethod
    def cut(cls, candidates: int, lanes: int) -> Blocks:
        """Blocks of whole vectors, for any number of candidates."""
        while lanes > candidates:
            lanes //= 2
        return cls(candidates, lanes, lanes * min(BLOCK_VECTORS, candidates // lanes))

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return -(-self.candidates // self.size)

    @property
    def capacity(self) -> int:
        """How many candidates the blocks could list."""
        return self.count * self.size

    def start(self, block: Expr) -> Expr:
        """The candidate that a block begins with."""
        return T.min(block * self.size, self.candidates - self.size)


@dataclass(frozen=True)
class Found:
    """Buffers that hold what was found: per block, and score and class by candidate."""

    counts: Any  # int32 [blocks]
    indices: Any  # int32 [capacity]: a block's finds lie from its first place on
    scores: Any  # float32 [candidates]
    labels: Any  # int32 [candidates]


def attribute(output: Any, head: Head, index: Expr, number: Expr) -> Expr:
    """One number of one candidate, whichever way the output is laid out."""
    return output[0, number, index] if head.candidates_last else output[0, index, number]


def _certainty(output: Any, head: Head, index: Expr) -> Expr:
    return attribute(output, head, index, 4) if head.objectness else T.float32(1)


def _passes(head: Head, score: Expr, certainty: Expr, conf: Expr) -> Expr:
    return T.And(score > conf, certainty > conf) if head.objectness else score > conf


@T.inline
def _add(found: Any, blocks: Any, block: Any, index: Any, score: Any, label: Any) -> None:
    """List a candidate among its block's."""
    found.indices[block * blocks.size + found.counts[block]] = index
    found.counts[block] = found.counts[block] + 1
    found.scores[index] = score
    found.labels[index] = label


@T.inline
def _collect_columns(output: Any, head: Any, blocks: Any, block: Any, conf: Any, found: Any) -> None:
    """Attributes by candidates: running maxima of a block of candidates, class by class."""
    best = T.alloc_buffer((blocks.size,), "float32")
    label = T.alloc_buffer((blocks.size,), "int32")
    start: T.let = blocks.start(block)
    for vector in T.unroll(blocks.size // blocks.lanes):
        for lane in T.vectorized(blocks.lanes):
            best[vector * blocks.lanes + lane] = T.float32(LOWEST)
            label[vector * blocks.lanes + lane] = 0
    for c in range(head.classes):
        for vector in T.unroll(blocks.size // blocks.lanes):
            for lane in T.vectorized(blocks.lanes):
                i: T.let = vector * blocks.lanes + lane
                value: T.let = output[0, head.attributes - head.classes + c, start + i]
                label[i] = T.Select(value > best[i], c, label[i])
                best[i] = T.Select(value > best[i], value, best[i])
    for i in range(block * blocks.size - start, blocks.size):
        certainty: T.let = _certainty(output, head, start + i)
        score: T.let = best[i] * certainty
        if _passes(head, score, certainty, conf):
            _add(found, blocks, block, start + i, score, label[i])


@T.inline
def _best_of_few(output: Any, index: Any, first: int, classes: int, best: Any, label: Any) -> None:
    """The best of one candidate's contiguous class scores, one by one."""
    for c in range(classes):
        if output[0, index, first + c] > best[0]:
            best[0] = output[0, index, first + c]
            label[0] = c


@T.inline
def _best_of_many(
    output: Any, index: Any, first: int, classes: int, lanes: int, best: Any, label: Any
) -> None:
    """The same by vectors, the last overlapping the one before it; each lane has its own best."""
    peaks = T.alloc_buffer((lanes,), "float32")
    places = T.alloc_buffer((lanes,), "int32")
    for lane in T.vectorized(lanes):
        peaks[lane] = T.float32(LOWEST)
        places[lane] = 0
    for vector in range(-(-classes // lanes)):
        start: T.let = T.min(vector * lanes, classes - lanes)
        for lane in T.vectorized(lanes):
            value: T.let = output[0, index, first + start + lane]
            places[lane] = T.Select(value > peaks[lane], start + lane, places[lane])
            peaks[lane] = T.Select(value > peaks[lane], value, peaks[lane])
    best[0] = largest(peaks[T.ramp(0, 1, lanes)])
    for lane in T.vectorized(lanes):
        places[lane] = T.Select(peaks[lane] == best[0], places[lane], classes)
    label[0] = smallest(places[T.ramp(0, 1, lanes)])


@T.inline
def _collect_rows(output: Any, head: Any, blocks: Any, block: Any, conf: Any, found: Any) -> None:
    """Candidates by attributes: where there is an objectness, only rows that pass it are read."""
    first = T.meta_var(head.attributes - head.classes)
    best = variable("float32")
    label = variable("int32")
    start: T.let = blocks.start(block)
    for i in range(block * blocks.size - start, blocks.size):
        certainty: T.let = _certainty(output, head, start + i)
        best[0] = T.float32(LOWEST)
        label[0] = 0
        if _passes(head, T.infinity("float32"), certainty, conf):
            if head.classes < blocks.lanes:
                _best_of_few(output, start + i, first, head.classes, best, label)
            else:
                _best_of_many(output, start + i, first, head.classes, blocks.lanes, best, label)
        if best[0] * certainty > conf:
            _add(found, blocks, block, start + i, best[0] * certainty, label[0])


@T.inline
def _collect_final(output: Any, head: Any, blocks: Any, block: Any, conf: Any, found: Any) -> None:
    """Rows that are detections already: x1, y1, x2, y2, score, class."""
    start: T.let = blocks.start(block)
    for i in range(block * blocks.size - start, blocks.size):
        score: T.let = attribute(output, head, start + i, 4)
        label: T.let = attribute(output, head, start + i, 5)
        if score > conf:
            highest: T.let = T.float32(head.classes - 1)
            _add(
                found,
                blocks,
                block,
                start + i,
                score,
                T.cast(T.max(T.min(label, highest), T.float32(0)), "int32"),
            )


@T.inline
def collect(output: Any, head: Any, blocks: Any, conf: Any, found: Any) -> None:
    """Find every candidate above the threshold, in parallel."""
    for block in T.parallel(blocks.count):
        found.counts[block] = 0
        if head.final:
            _collect_final(output, head, blocks, block, conf, found)
        elif head.candidates_last:
            _collect_columns(output, head, blocks, block, conf, found)
        else:
            _collect_rows(output, head, blocks, block, conf, found)

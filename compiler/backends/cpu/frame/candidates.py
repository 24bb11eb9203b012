"""Candidates above the threshold: how they are searched for, in blocks, and listed.

A candidate's score is that of its best class, the first of equals; a class that scores NaN never is. An
objectness multiplies the score, and must itself pass the threshold. Blocks are searched in parallel and list
what they find in order of index, so the outcome does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.lanes import largest, smallest
from zcc.compiler.backends.cpu.frame.letterbox import Expr

LOWEST = float("-inf")


@dataclass(frozen=True)
class Blocks:
    """How candidates are cut up: runs of equal blocks, each a number of blocks and their size."""

    runs: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return sum(count for count, _ in self.runs)

    @property
    def capacity(self) -> int:
        """How many candidates the blocks can list."""
        return sum(count * size for count, size in self.runs)

    def place(self, block: Expr) -> Expr:
        """Where a block's list begins."""
        begins = []
        first = begin = 0
        for count, size in self.runs:
            begins.append((first + count, begin + (block - first) * size))
            first, begin = first + count, begin + count * size
        place = begins.pop()[1]
        for end, at in reversed(begins):
            place = T.Select(block < end, at, place)
        return place


@dataclass(frozen=True)
class FoundBuffers:
    """Buffers that hold what was found: per block, and score and class by candidate."""

    counts: Any  # int32 [blocks]
    indices: Any  # int32 [capacity]
    scores: Any  # float32 [candidates]
    labels: Any  # int32 [candidates]


class CandidateSource(Protocol):
    """Something that candidates can be read from. The methods write the statements of a kernel."""

    def __hash__(self) -> int:
        """Of all that decides about these statements, so that a kernel can be remembered by it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the float32 buffer that holds it."""

    @property
    def candidates(self) -> int:
        """How many there are."""

    @property
    def blocks(self) -> Blocks:
        """How they are searched."""

    @property
    def suppress(self) -> bool:
        """Whether they overlap and need suppression."""

    def open(self, buffer: Any) -> Any:
        """Whatever the other methods read: views into the buffer."""

    def collect(self, views: Any, block: Expr, conf: Expr, found: FoundBuffers) -> None:
        """List a block's candidates above the threshold."""

    def read_box(self, views: Any, index: Expr, box: Any) -> None:
        """Put a candidate's corners, in input pixels, into `box`."""


class DetailedSource(CandidateSource, Protocol):
    """One whose candidates have more numbers, for tasks beyond detection."""

    def read_details(self, views: Any, index: Expr, details: Any, row: Expr) -> None:
        """Put the numbers behind a candidate's scores into a row of `details`."""

    def read_rotated(self, views: Any, index: Expr, box: Any) -> None:
        """Put centre, sides and angle of a candidate's rotated box into `box`."""


@inline
def collect(source: Any, views: Any, conf: Any, found: Any) -> None:
    """List every candidate above the threshold."""
    for block in T.parallel(source.blocks.count):
        found.counts[block] = 0
        source.collect(views, block, conf, found)


@inline
def add(found: Any, blocks: Any, block: Any, index: Any, score: Any, label: Any) -> None:
    """List a candidate among its block's."""
    found.indices[blocks.place(block) + found.counts[block]] = index
    found.counts[block] = found.counts[block] + 1
    found.scores[index] = score
    found.labels[index] = label


@inline
def _best_of_few(score_of: Any, classes: int, best: Any, label: Any) -> None:
    best[0] = T.float32(LOWEST)
    label[0] = 0
    for c in range(classes):
        score: T.let = score_of(c)
        if score > best[0]:
            best[0] = score
            label[0] = c


@inline
def _best_of_many(score_of: Any, classes: int, lanes: int, best: Any, label: Any) -> None:
    """By vectors, the last overlapping the one before it; each lane has its own best."""
    scores = T.alloc_buffer((lanes,), "float32")
    peaks = T.alloc_buffer((lanes,), "float32")
    places = T.alloc_buffer((lanes,), "int32")
    for lane in T.vectorized(lanes):
        peaks[lane] = T.float32(LOWEST)
        places[lane] = 0
    for vector in range(-(-classes // lanes)):
        start: T.let = T.min(vector * lanes, classes - lanes)
        # In memory: of a let that it cannot vectorise, TVM keeps the last lane's value for all.
        for lane in T.vectorized(lanes):
            scores[lane] = score_of(start + lane)
        for lane in T.vectorized(lanes):
            places[lane] = T.Select(scores[lane] > peaks[lane], start + lane, places[lane])
            peaks[lane] = T.Select(scores[lane] > peaks[lane], scores[lane], peaks[lane])
    best[0] = largest(peaks[T.ramp(0, 1, lanes)])
    for lane in T.vectorized(lanes):
        places[lane] = T.Select(peaks[lane] == best[0], places[lane], classes)
    label[0] = smallest(places[T.ramp(0, 1, lanes)])


def best_class(score_of: Callable[[Expr], Expr], classes: int, lanes: int, best: Any, label: Any) -> None:
    """Put the best of one candidate's scores, and the first class that has it, into `best` and `label`."""
    if classes < lanes:
        _best_of_few(score_of, classes, best, label)
    else:
        _best_of_many(score_of, classes, lanes, best, label)

"""Candidates that count for every class: each pair of a class and a box may become a detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tvm.script import tirx as T

from zcc.compiler.backends.cpu.frame.candidates import Blocks, FoundBuffers, add
from zcc.compiler.backends.cpu.frame.decoded import Decoded
from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.compiler.backends.cpu.frame.letterbox import Expr


@dataclass(frozen=True)
class Pairs:
    """The pairs of a decoded output, class after class, searched in equal blocks of one class."""

    boxes: Decoded

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return self.boxes.shape

    @property
    def candidates(self) -> int:
        """How many pairs there are."""
        return self.boxes.head.classes * self.boxes.candidates

    @property
    def suppress(self) -> bool:
        """Whether overlapping pairs of one class are suppressed."""
        return self.boxes.suppress

    @property
    def blocks(self) -> Blocks:
        """The blocks of every class."""
        return Blocks(((self.boxes.head.classes * self.boxes.blocks.count, self.boxes.size),))

    def open(self, buffer: Any) -> Any:
        """The network's output as it lies."""
        return buffer

    def collect(self, views: Any, block: Expr, conf: Expr, found: FoundBuffers) -> None:
        """List a block's pairs above the threshold."""
        _collect(self, views, block, conf, found)

    def read_box(self, views: Any, index: Expr, box: Any) -> None:
        """Put the corners of a pair's box into `box`."""
        self.boxes.read_box(views, T.floormod(index, self.boxes.candidates), box)

    def read_details(self, views: Any, index: Expr, details: Any, row: Expr) -> None:
        """Put the numbers behind a pair's scores into a row of `details`."""
        self.boxes.read_details(views, T.floormod(index, self.boxes.candidates), details, row)

    def read_rotated(self, views: Any, index: Expr, box: Any) -> None:
        """Put centre, sides and angle of a pair's box into `box`."""
        self.boxes.read_rotated(views, T.floormod(index, self.boxes.candidates), box)


@inline
def _collect(source: Any, output: Any, block: Any, conf: Any, found: Any) -> None:
    boxes = T.meta_var(source.boxes)
    label: T.let = T.floordiv(block, boxes.blocks.count)
    part: T.let = T.floormod(block, boxes.blocks.count)
    start: T.let = boxes.start(part)
    for i in range(part * boxes.size - start, boxes.size):
        certainty: T.let = boxes.certainty(output, start + i)
        score: T.let = boxes.scores_of(output, start + i)(label) * certainty
        if T.And(boxes.passes(certainty, conf), score > conf):
            add(found, source.blocks, block, label * boxes.candidates + start + i, score, label)

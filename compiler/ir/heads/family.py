"""What a head family is: a row of table.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from zcc.compiler.ir.heads.decoding import Decoding
from zcc.compiler.ir.heads.head import Head

Array = NDArray[Any]

SLACK = 1e-3  # by which a probability may leave 0..1


@dataclass(frozen=True)
class Family:
    """One layout of the decoded output, and how raw maps become it."""

    name: str
    layout: str  # for messages
    objectness: bool
    candidates_last: bool
    per_cell: int  # candidates in each cell of the feature maps
    plausible: Callable[[Array, Family], bool]  # whether values can be of this family; rows are candidates
    final: bool = False  # rows are finished detections
    queries: bool = False  # candidates were chosen and suppress nothing; boxes are in parts of the input
    decoding: Decoding | None = None  # the one that its exports use, where zcc knows it

    def read(self, output: str, shape: Sequence[int], details: int = 0) -> Head | None:
        """The head that a shape stands for in this family, if it can; `details` numbers follow the scores."""
        if len(shape) != 3 or shape[0] != 1:
            return None
        candidates, attributes = reversed(shape[1:]) if self.candidates_last else shape[1:]
        attributes -= details
        classes = 0 if self.final else attributes - 4 - int(self.objectness)
        if candidates < 1 or (attributes != 6 if self.final else classes < 1):
            return None
        return Head(
            self.name, output, candidates, classes, self.objectness, self.candidates_last, self.final, details=details
        )


def scores_within_one(rows: Array, family: Family) -> bool:
    """Whether everything after the box is a probability."""
    scores = rows[:, 4:]
    return not bool(((scores < -SLACK) | (scores > 1 + SLACK)).any())

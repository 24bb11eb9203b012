"""A class for the whole picture: one output of probabilities, which is no head of boxes at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zcc.compiler.ir.heads.head import Head
from zcc.compiler.ir.tasks.task import Array, ProbedOutputs, TaskReading

FAMILY = "probabilities"
SLACK = 1e-3


@dataclass(frozen=True)
class Classify:
    """Classification."""

    name: str = "classify"
    layout: str = "(1, classes) probabilities that sum up to 1, and no boxes"

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """Always None: a classifier has no candidates, whose numbers the other tasks are told by; `head` finds it."""
        return None

    def fault(self, seen: ProbedOutputs) -> str | None:
        """Always None, for the same reason."""
        return None

    def head(self, output: str, values: Sequence[Array]) -> Head | None:
        """The output as the only one there is, where its numbers are probabilities on every image."""
        shape = values[0].shape
        if len(shape) != 2 or shape[0] != 1 or not all(map(are_probabilities, values)):
            return None
        return Head(FAMILY, output, 1, shape[1], False, False, bare=True)


def are_probabilities(values: Array) -> bool:
    """Whether numbers are none below 0 and sum up to 1."""
    return bool((values >= -SLACK).all() and np.isclose(values.sum(), 1, atol=1e-2))


CLASSIFY = Classify()

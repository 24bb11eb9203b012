"""Rotated boxes: a number behind the scores is the angle, in radians."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zcc.compiler.ir.tasks.task import ProbedOutputs, TaskReading
from zcc.runtime.manifest import TaskInfo

SLACK = 1e-3
ANGLES = 1  # behind a candidate's scores
NUMBERS = 5  # of a detection, for its result: centre, sides, angle


@dataclass(frozen=True)
class Rotated:
    """Oriented boxes."""

    name: str = "obb"
    layout: str = "those, and for each box an angle within a turn"

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """One number, never more than a turn; the angle of a model that sees noise is not the same everywhere."""
        if (
            seen.width != ANGLES
            or seen.planes
            or not all((abs(rows) <= math.tau + SLACK).all() for rows in seen.details)
        ):
            return None
        return TaskReading(TaskInfo(self.name, NUMBERS))

    def fault(self, seen: ProbedOutputs) -> str | None:
        """One number that is no angle."""
        if seen.width != ANGLES:
            return None
        largest = max(float(abs(rows).max()) for rows in seen.details)
        return f"each box has a number behind its scores of up to {largest:.3g}: an angle is within {math.tau:.3g}"


OBB = Rotated()

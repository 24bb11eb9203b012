"""Boxes: nothing stands behind the scores."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.ir.tasks.task import ProbedOutputs, TaskReading
from zcc.runtime.manifest import TaskInfo


@dataclass(frozen=True)
class Detect:
    """Detection alone."""

    name: str = "detect"
    layout: str = "boxes in pixels and scores in 0..1"

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """Boxes and scores, and no number behind them."""
        return None if seen.width else TaskReading(TaskInfo(self.name))

    def fault(self, seen: ProbedOutputs) -> str | None:
        """Always None: outputs with more numbers are of another task."""
        return None


DETECT = Detect()

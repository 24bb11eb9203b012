"""Boxes: nothing stands behind the scores."""

from __future__ import annotations

from dataclasses import dataclass

from zcc.compiler.ir.tasks.task import Seen, TaskReading
from zcc.runtime.manifest import TaskInfo


@dataclass(frozen=True)
class Detect:
    """Detection alone."""

    name: str = "detect"
    layout: str = "boxes in pixels and scores in 0..1"

    def read(self, seen: Seen) -> TaskReading | None:
        """It needs nothing."""
        return None if seen.width else TaskReading(TaskInfo(self.name))

    def fault(self, seen: Seen) -> str | None:
        """What has more numbers is another task's."""
        return None


DETECT = Detect()

"""Which result a task has: a row for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zcc.runtime.detections import Detections, Found
from zcc.runtime.tasks.classification import classification
from zcc.runtime.tasks.masks import segments
from zcc.runtime.tasks.poses import poses
from zcc.runtime.tasks.rotated import rotated_detections


def _detections(found: Found) -> Detections:
    return Detections(found.boxes, found.scores, found.classes, found.edges)


RESULTS: dict[str, Callable[[Found], Any]] = {
    "detect": _detections,
    "segment": segments,
    "pose": poses,
    "obb": rotated_detections,
    "classify": classification,
}


def result(found: Found) -> Any:
    """What was found, as its task's result."""
    return RESULTS[found.task.name](found)

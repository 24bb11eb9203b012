"""What tasks want of a detection beside its box, written once it is kept: a row of numbers in terms of the frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zcc.compiler.backends.cpu.frame.inline import inline
from zcc.runtime.manifest import TaskInfo

Write = Callable[[Any, Any, Any, Any, Any, Any], None]


def _nothing(source: Any, views: Any, kept: Any, picture: Any, details: Any, count: Any) -> None:
    """Boxes have nothing behind them where a model only detects."""


@inline
def _as_they_are(source: Any, views: Any, kept: Any, picture: Any, details: Any, count: Any) -> None:
    """Coefficients of masks are copied."""
    for row in range(count):
        source.read_details(views, kept.indices[row], details, row)


@inline
def _keypoints(
    points: int, numbers: int, source: Any, views: Any, kept: Any, picture: Any, details: Any, count: Any
) -> None:
    """Coordinates become those of the frame, inside it."""
    for row in range(count):
        source.read_details(views, kept.indices[row], details, row)
        for point in range(points):
            details[row, point * numbers] = picture.to_frame(details[row, point * numbers], 0)
            details[row, point * numbers + 1] = picture.to_frame(details[row, point * numbers + 1], 1)


@inline
def _rotated(source: Any, views: Any, kept: Any, picture: Any, details: Any, count: Any) -> None:
    """Rotated boxes, which the selection left in input pixels. A rotated box may reach beyond the frame."""
    for row in range(count):
        details[row, 0] = picture.unclipped(details[row, 0], 0)
        details[row, 1] = picture.unclipped(details[row, 1], 1)
        details[row, 2] = details[row, 2] / picture.gains[0]
        details[row, 3] = details[row, 3] / picture.gains[1]


def write_details(task: TaskInfo, *arguments: Any) -> None:
    """Write the rows of a task: source, its views, what is kept, where the frame lies, the rows, their number."""
    WRITERS[task.name](task)(*arguments)


WRITERS: dict[str, Callable[[TaskInfo], Write]] = {
    "detect": lambda task: _nothing,
    "segment": lambda task: _as_they_are,
    "pose": lambda task: lambda *arguments: _keypoints(*task.shape, *arguments),
    "obb": lambda task: _rotated,
}

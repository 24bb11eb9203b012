"""What a detector returns of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from zcc.runtime.errors import WrongTask
from zcc.runtime.manifest import TaskInfo

Floats = NDArray[np.float32]
Result = TypeVar("Result", bound="Detections")

# What results of some tasks have, and from which models.
ELSEWHERE = {
    "boxes": "a detector",
    "scores": "a detector",
    "classes": "a detector",
    "masks": "a segmentation model",
    "keypoints": "a pose model",
    "corners": "a model of rotated boxes",
    "rotated": "a model of rotated boxes",
    "probabilities": "a classifier",
    "top": "a classifier",
}


@dataclass(frozen=True, eq=False, init=False)
class Detections:
    """What was found in a frame, the surest first."""

    boxes: Floats  # (n, 4): x1, y1, x2, y2 in pixels of the frame
    scores: Floats  # (n,)
    classes: NDArray[np.int32]  # (n,)
    edges: float  # how busy the frame is: the share of its pixels that differ much from their neighbour, 0..1

    columns: ClassVar[tuple[str, ...]] = ("boxes", "scores", "classes")  # arrays of a row for each
    holds: ClassVar[tuple[str, ...]] = ()  # what a task's result has beside boxes, scores and classes

    def __init__(self, boxes: Floats, scores: Floats, classes: NDArray[np.int32], edges: float) -> None:
        # One by one by `object.__setattr__`, as frozen dataclasses do it, this takes twice as long.
        fields = self.__dict__
        fields["boxes"], fields["scores"], fields["classes"], fields["edges"] = boxes, scores, classes, edges

    def __len__(self) -> int:
        """How many."""
        return len(self.scores)

    def only(self: Result, kept: Sequence[bool]) -> Result:
        """The same frame's result with some of its detections alone."""
        rows = np.flatnonzero(kept)
        return replace(self, **{name: getattr(self, name)[rows] for name in self.columns})

    def extras(self) -> list[dict[str, Any]]:
        """What each has beside box, score and class, as JSON writes it."""
        return [{} for _ in range(len(self))]

    def __getattr__(self, name: str) -> NoReturn:
        """Whoever asks for what only other tasks have is told so."""
        raise lacking(self, name, ("boxes", "scores", "classes", *self.holds))


def lacking(result: object, name: str, has: tuple[str, ...]) -> AttributeError:
    """The error of asking a result for what it has not."""
    if name not in ELSEWHERE:
        return AttributeError(f"{type(result).__name__!r} object has no attribute {name!r}")
    kind = type(result).__name__
    return WrongTask(f"{kind} have no {name}, those are of {ELSEWHERE[name]}", f"they have {', '.join(has)}")


NO_DETAILS = np.zeros((0, 0), np.float32)


@dataclass(eq=False, slots=True)  # not frozen, which takes longer for each frame
class Found:
    """What an executor found in a frame, whatever the task."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int32]
    edges: float
    task: TaskInfo = field(default_factory=TaskInfo)
    details: Floats = field(default_factory=lambda: NO_DETAILS)  # (n, details of the task), where it has some
    masks: Any = None  # those of what was found, where the task has some

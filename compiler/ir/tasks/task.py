"""What a task is: a row of table.py, that says what a model's outputs must be for it to be of that task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from zcc.runtime.manifest import TaskInfo

Array = NDArray[Any]


@dataclass(frozen=True)
class ProbedOutputs:
    """What a model that was run on noise gives beside boxes and scores."""

    details: Sequence[Array]  # of each run, a row for each candidate: the numbers behind its scores
    planes: Mapping[str, tuple[int, ...]]  # shapes of the outputs that are maps, by their names
    size: tuple[int, int]  # of the input
    stated: tuple[int, ...] = ()  # keypoints and their numbers, where the file's metadata tells them

    @property
    def width(self) -> int:
        """How many numbers stand behind the scores."""
        return int(self.details[0].shape[1])


@dataclass(frozen=True)
class TaskReading:
    """A task that a model's outputs fit, and the output beside the candidates that it needs, if any."""

    info: TaskInfo
    prototypes: str | None = None


class Task(Protocol):
    """One task. It is found by numbers, as heads are."""

    @property
    def name(self) -> str:
        """As exporters and manifests name it."""
        ...

    @property
    def layout(self) -> str:
        """What its outputs are, for messages."""
        ...

    def read(self, seen: ProbedOutputs) -> TaskReading | None:
        """What the outputs are in this task; None where they cannot be of it."""
        ...

    def fault(self, seen: ProbedOutputs) -> str | None:
        """What keeps outputs that look like this task from being of it; None where they do not even look like it."""
        ...

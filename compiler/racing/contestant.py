"""What a contestant of a race is: one tool that runs the model, behind the same few methods as the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Step = tuple[str, Callable[[Any], Any]]


class FoundBoxes(NamedTuple):
    """Detections in one frame, the surest first."""

    boxes: Floats  # (n, 4): x1, y1, x2, y2 in pixels of the frame
    scores: Floats
    classes: NDArray[np.int32]


class Thresholds(NamedTuple):
    """What counts as a detection."""

    conf: float
    iou: float


USUAL = Thresholds(conf=0.25, iou=0.45)


class Contestant(Protocol):
    """A detector made ready to run, in the process that runs it."""

    about: str  # what runs and how it is set up

    def network(self, image: Floats) -> Floats | None:
        """The head's decoded output for a prepared input (1, 3, height, width), valid until the next call.

        None where no more is decoded than is found.
        """
        ...

    def steps(self, thresholds: Thresholds) -> tuple[Step, ...]:
        """The way from a frame to `FoundBoxes`: what each step returns goes into the next."""
        ...


@runtime_checkable
class OwnClock(Protocol):
    """A contestant that knows better than the host's clock what its network takes."""

    def network_seconds(self, image: Floats) -> float:
        """What a run of the network takes for a prepared input."""
        ...


@dataclass(frozen=True)
class RaceEntry:
    """A contestant before the race; it travels to the process that makes it ready."""

    name: str
    enter: Callable[[int], Contestant]  # given the number of threads
    ours: bool = False  # zcc itself

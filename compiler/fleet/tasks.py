"""What workers of a fleet are asked, what they tell meanwhile, what they answer; all of it travels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zcc.compiler.fleet.matrix import Cell


@dataclass(frozen=True)
class FleetTask:
    """Something for one worker."""

    label: str
    cells: tuple[Cell, ...]
    registry: str


@dataclass(frozen=True)
class PlanTask(FleetTask):
    """Say of each cell, all of one model, by which fingerprint its build would be known, and whether it is there."""


@dataclass(frozen=True)
class BuildTask(FleetTask):
    """Build the cell, unless somebody did meanwhile."""


@dataclass(frozen=True)
class TuneTask(FleetTask):
    """Search for faster kernels for the cell; its build, wherever it happens, takes up what is found."""

    seconds: float
    runner: str | None  # rpc://tracker:port/KEY, where the kernels are measured; the worker's machine without it


@dataclass(frozen=True)
class MeasureTask(FleetTask):
    """Measure anew, while nothing else runs, an artifact that was measured beside other builds."""

    digest: str


@dataclass(frozen=True)
class Foreseen:
    """What is known of a cell before it is built."""

    cell: Cell
    fingerprint: str | None = None
    digest: str | None = None  # of the artifact that is there already
    cannot: str | None = None  # why no target of that kind computes so
    wrong: str | None = None  # why its build would fail, as far as that is known without building


@dataclass(frozen=True)
class Planned:
    """The answer to a plan."""

    cells: tuple[Foreseen, ...]


@dataclass(frozen=True)
class BuiltCell:
    """The answer to a build."""

    digest: str
    reused: bool
    measured_here: bool


@dataclass(frozen=True)
class Tuned:
    """The answer to a search: how many forms were measured."""

    tried: int


@dataclass(frozen=True)
class Measured:
    """The answer to a measurement: milliseconds of a frame, None where the machine does not run the artifact."""

    latency: float | None


@dataclass(frozen=True)
class FailedTask:
    """What came in the place of an answer, in one line."""

    reason: str


@dataclass(frozen=True)
class Stage:
    """A worker began a stage of a task."""

    label: str
    name: str


Answer = Planned | BuiltCell | Tuned | Measured | FailedTask
Tell = Callable[[Stage], object]
Perform = Callable[[FleetTask, Tell], Answer]  # a function that another process finds by its name

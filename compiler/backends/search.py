"""The contract of tuning: which forms of a backend's kernels a search may try, and on which devices they are measured.

A backend's `Tuner` lists the kernels of a network with their forms, measures them and keeps records that its builds
take up; this file is what everybody above sees of that, while a search runs and when it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from zcc.compiler.backends.stage import RunStage
from zcc.compiler.backends.target import Target
from zcc.compiler.importing.imported import Imported
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.table import Precision


@dataclass(frozen=True)
class Limits:
    """When a search ends, if there is still something to try."""

    trials: int | None = None
    seconds: float | None = None

    def after(self, seconds: float) -> Limits:
        """What is left of them when so much time is gone."""
        return replace(self, seconds=None if self.seconds is None else max(self.seconds - seconds, 0.0))


class TriedForms(Protocol):
    """How far a search has come with forms."""

    @property
    def tried(self) -> int:
        """Forms measured in this search."""
        ...

    @property
    def failed(self) -> int:
        """Those of them that failed."""
        ...

    @property
    def left(self) -> int:
        """Forms that nobody has measured."""
        ...


class TunedKernel(TriedForms, Protocol):
    """One kernel, however often the network runs it, and what is known of its forms."""

    @property
    def name(self) -> str:
        """Its name in tables and messages."""
        ...

    @property
    def count(self) -> int:
        """How often the network runs it."""
        ...

    @property
    def forms(self) -> int:
        """How many forms it may take, the default one included."""
        ...

    @property
    def default_seconds(self) -> float | None:
        """What the default form takes: the one that is built when nothing was measured."""
        ...

    @property
    def best_seconds(self) -> float | None:
        """What the quickest form takes."""
        ...

    @property
    def best(self) -> str | None:
        """The quickest form, as records name it."""
        ...

    @property
    def floor_seconds(self) -> float | None:
        """What its arithmetic and memory take at least on the machine, where that was measured."""
        ...

    @property
    def gain(self) -> float:
        """How many times as fast as its default form the best one is."""
        ...


class TunedNetwork(TriedForms, Protocol):
    """What is known of the forms of a network as a whole, beside those of its kernels."""

    @property
    def default_form(self) -> str:
        """The form that is built when nothing was measured, as records name it."""
        ...

    @property
    def best_form(self) -> str:
        """The quickest one."""
        ...

    @property
    def forms(self) -> Mapping[str, float | str]:
        """Seconds, or what went wrong, by form."""
        ...

    @property
    def default_seconds(self) -> float | None:
        """What the default form takes."""
        ...

    @property
    def best_seconds(self) -> float | None:
        """What the best form takes."""
        ...

    def describe(self) -> str:
        """How the best form did, in words."""
        ...


AnyKernel = TypeVar("AnyKernel", bound=TunedKernel)
AnyTarget = TypeVar("AnyTarget", bound=Target)


@dataclass
class Search(Generic[AnyKernel, AnyTarget]):
    """A search, while it runs and when it is done."""

    tasks: list[AnyKernel]
    target: AnyTarget
    threads: int | None = None  # that share a frame on the machine it is for, where the forms depend on them
    budget: float | None = None  # seconds
    network: TunedNetwork | None = None  # None where only kernels have forms, or no time was left
    started: float = field(default_factory=time.monotonic)

    @property
    def default_seconds(self) -> float:
        """What the measured kernels take together as their templates would have them."""
        return sum(task.count * task.default_seconds for task in self.tasks if task.default_seconds)

    @property
    def best_seconds(self) -> float:
        """What they take in the best forms found."""
        known = [task for task in self.tasks if task.default_seconds]
        return sum(task.count * min(task.best_seconds or 1e9, task.default_seconds or 1e9) for task in known)

    @property
    def tried(self) -> int:
        """Forms measured in this search."""
        return sum(task.tried for task in self.tasks)

    @property
    def failed(self) -> int:
        """Forms that failed in this search."""
        return sum(task.failed for task in self.tasks)

    @property
    def left(self) -> int:
        """Forms that nobody has measured."""
        return sum(task.left for task in self.tasks)

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float | None:
        """Seconds until it ends, as far as can be told."""
        guess = self.spent * self.left / self.tried if self.tried else None
        ends = [each for each in (guess, self.budget and self.budget - self.spent) if each is not None]
        return max(min(ends), 0.0) if ends else None


AnySearch = Search[Any, Any]


class SearchProgress(Protocol):
    """Someone who follows a search for faster kernels."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """The work inside the `with` block is the stage `name`; it has failed when the block raises."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line that is not a stage."""
        ...

    def measured(self, search: AnySearch, task: TunedKernel) -> None:
        """The search has measured some forms of a kernel."""
        ...


@dataclass(frozen=True)
class TuningJob(Generic[AnyTarget]):
    """The variant whose kernels are searched for."""

    source: Imported
    precision: Precision
    target: AnyTarget
    calibration: Calibration | None  # where the precision wants one


@dataclass(frozen=True)
class RecordCounts:
    """How much a folder of records knows."""

    kernels: int
    forms: int
    failed: int
    networks: int  # in a dtype each, with forms of their own


class RecordFiles(Protocol):
    """A backend's records as files: a folder for each target, named by the target's key."""

    def folders(self, home: Path) -> list[Path]:
        """The folders in `home` that hold records of the backend."""
        ...

    def count(self, folder: Path) -> RecordCounts:
        """How much is known there."""
        ...

    def export(self, own: Path, folder: Path) -> None:
        """Write what a compile elsewhere needs of a user's own records to a folder, beside what it holds already."""
        ...

    def add(self, folder: Path, own: Path) -> None:
        """Add the records of a folder to a user's own."""
        ...


class Tuner(Protocol[AnyTarget]):
    """How the kernels of a backend are tuned."""

    @property
    def records(self) -> RecordFiles:
        """What searches have found, as files."""
        ...

    @property
    def services(self) -> Mapping[str, Callable[[bytes], str]]:
        """What `zcc tune-server` answers to searches elsewhere, by name, beside running their modules."""
        ...

    def devices(self, target: AnyTarget, runner: str | None) -> Sequence[Any]:
        """Where kernels for the target are measured: this machine, or those behind a `--runner`; at least one.

        Raises a UsageError or a TuningError that says what would help where there is none.
        """
        ...

    def search(
        self,
        job: TuningJob[AnyTarget],
        home: Path,
        limits: Limits,
        runner: str | None,
        stage: RunStage,
        progress: SearchProgress,
    ) -> AnySearch:
        """Measure forms of the variant's kernels that nobody has measured, the most promising first, until a limit.

        Records in the user's `home` are kept the moment they are made; Ctrl-C ends a search as a limit does, and is
        raised again when they are in order. `Backend.records` finds them.
        """
        ...

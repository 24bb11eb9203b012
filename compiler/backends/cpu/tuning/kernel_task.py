"""What a search works on, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zcc.compiler.backends.cpu.forms.workload import describe_kernel, workload_key
from zcc.compiler.backends.cpu.kernels.choices import Tunable, write_choice
from zcc.compiler.backends.cpu.kernels.spec import KernelCall, VectorUnit
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.search import Search


@dataclass
class KernelTask:
    """One kernel, however often the network runs it."""

    spec: Tunable
    count: int
    flops: int
    bytes: int
    choices: tuple[Any, ...]  # the template's own preference first
    known: frozenset[str] = frozenset()  # forms that were measured before
    tried: int = 0
    failed: int = 0
    base_seconds: float | None = None  # of the spec's own form, which every trial sets the others against
    default_seconds: float | None = None  # of the form that the template prefers
    best_seconds: float | None = None
    best: str | None = None
    floor_seconds: float | None = None  # what its arithmetic and memory take at least, where the machine is at hand

    @property
    def name(self) -> str:
        """That of the template with its sizes."""
        return self.spec.name

    @property
    def forms(self) -> int:
        """How many its template has."""
        return len(self.choices)

    @cached_property
    def key(self) -> str:
        """What its records are found by."""
        return workload_key(self.spec)

    @cached_property
    def description(self) -> str:
        """What its workload says."""
        return describe_kernel(self.spec)

    @property
    def left(self) -> int:
        """Forms that nobody has measured."""
        return len(self.choices) - len(self.known) - self.tried

    @property
    def gain(self) -> float:
        """How many times as fast as its default form the best one is."""
        return self.default_seconds / self.best_seconds if self.default_seconds and self.best_seconds else 1.0

    def learn(self, choice: str, seconds: float | None) -> None:
        """What a form took, None when it failed; of equally quick ones that is best which records hold for it."""
        if seconds is None:
            return
        if choice == write_choice(self.spec.tile):
            self.base_seconds = seconds
        if choice == write_choice(self.choices[0]):
            self.default_seconds = seconds
        if self.best is None or self.best_seconds is None or (seconds, choice) < (self.best_seconds, self.best):
            self.best, self.best_seconds = choice, seconds


CpuSearch = Search[KernelTask, CpuTarget]


def tasks_of(calls: Iterable[KernelCall], unit: VectorUnit) -> list[KernelTask]:
    """The kernels with more than one form, each once; the calls are of a network lowered with `Unchanged` choices."""
    calls = [call for call in calls if hasattr(call.spec, "choices")]
    counts = Counter(call.spec for call in calls)
    sizes = {call.spec: (call.flops, call.bytes) for call in calls}
    specs: list[Any] = list(counts)
    tasks = [KernelTask(spec, counts[spec], *sizes[spec], tuple(spec.choices(unit))) for spec in specs]
    return [task for task in tasks if len(task.choices) > 1]

"""What a search works on, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from zcc.compiler.kernels.choices import Tunable
from zcc.compiler.kernels.spec import KernelCall
from zcc.compiler.tuning.workload import describe_kernel, workload_key


@dataclass
class Task:
    """One kernel, however often the network runs it."""

    spec: Tunable
    count: int
    flops: int
    bytes: int
    choices: tuple[Any, ...]
    known: frozenset[str] = frozenset()  # forms that were measured before
    tried: int = 0
    failed: int = 0
    default_seconds: float | None = None
    best_seconds: float | None = None

    @property
    def key(self) -> str:
        """What its records are found by."""
        return workload_key(self.spec)

    @property
    def description(self) -> str:
        """What its workload says."""
        return describe_kernel(self.spec)

    @property
    def left(self) -> int:
        """Forms that nobody has measured."""
        return len(self.choices) - len(self.known) - self.tried


@dataclass
class Progress:
    """The whole search."""

    tasks: list[Task]
    floors: dict[str, float] = field(default_factory=dict)  # seconds that a kernel takes at least, by its description
    notes: list[str] = field(default_factory=list)

    @property
    def default_seconds(self) -> float:
        """What the measured kernels take together as their templates would have them."""
        return sum(task.count * task.default_seconds for task in self.tasks if task.default_seconds)

    @property
    def best_seconds(self) -> float:
        """What they take in the best forms found."""
        return sum(task.count * (task.best_seconds or task.default_seconds or 0.0) for task in self.tasks)

    @property
    def tried(self) -> int:
        """Forms measured in this search."""
        return sum(task.tried for task in self.tasks)


def tasks_of(calls: Iterable[KernelCall], unit: Any) -> list[Task]:
    """The kernels with a choice, each once."""
    found = {call.spec: call for call in calls if hasattr(call.spec, "choices")}
    counts = Counter(call.spec for call in calls)
    return [
        Task(spec, counts[spec], call.flops, call.bytes, tuple(spec.choices(unit)))  # type: ignore[attr-defined, arg-type]
        for spec, call in found.items()
    ]

"""What carries tasks out: workers on this machine, or those of a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from zcc.compiler.fleet.tasks import Answer, FailedTask, FleetTask, Tell

MOST_DEATHS = 3  # of workers over one task; then it is the task that kills them


class Crew(Protocol):
    """Carries tasks out, several at once."""

    @property
    def workers(self) -> int:
        """How many tasks it carries out at once."""
        ...

    def run(self, tasks: Sequence[FleetTask], tell: Tell) -> Iterator[tuple[FleetTask, Answer]]:
        """Every task with its answer, as they come; what a worker died over is given to another one."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class Deaths:
    """How many workers each task has cost."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def over(self, task: FleetTask, how: str) -> FailedTask | None:
        """Count a worker that died over a task; the answer, when that were too many."""
        self._counts[task.label] += 1
        if self._counts[task.label] < MOST_DEATHS:
            return None
        return FailedTask(f"{MOST_DEATHS} workers died over it, the last by {how}; see whether memory runs out")

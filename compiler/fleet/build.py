"""The story of a fleet's build: what is wanted, what of it is missing, building that, and giving it to others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from zcc.compiler.fleet.crew import Crew
from zcc.compiler.fleet.matrix import Cell, Matrix
from zcc.compiler.fleet.tasks import (
    BuildTask,
    BuiltCell,
    Failed,
    Foreseen,
    Measured,
    MeasureTask,
    Planned,
    PlanTask,
    Stage,
)
from zcc.registry import Registry
from zcc.registry.remotes.push import Pushed, push

THERE, BUILT, FAILED, CANNOT = "there", "built", "failed", "cannot be"


@dataclass(frozen=True)
class CellOutcome:
    """What became of a cell."""

    cell: Cell
    state: str
    digest: str | None = None
    reason: str = ""  # why not, in one line


class Watcher(Protocol):
    """Someone who looks on."""

    def planned(self, foreseen: Sequence[Foreseen]) -> None:
        """What is there of a model, and what is to be built."""
        ...

    def began(self, stage: Stage) -> None:
        """A worker began a stage."""
        ...

    def became(self, outcome: CellOutcome) -> None:
        """A cell is done, one way or another."""
        ...


def build_matrix(matrix: Matrix, registry: str, crew: Crew, watcher: Watcher) -> list[CellOutcome]:
    """Build what is missing and publish it; what became of every cell, in the order of the matrix."""
    found: dict[Cell, CellOutcome] = {}

    def became(outcome: CellOutcome) -> None:
        found[outcome.cell] = outcome
        watcher.became(outcome)

    missing: dict[str, list[Cell]] = {}
    plans = [PlanTask(f"plan {cells[0].name}", cells, registry) for cells in matrix.models()]
    for task, answer in crew.run(plans, watcher.began):
        if isinstance(answer, Planned):
            watcher.planned(answer.cells)
            for foreseen in answer.cells:
                if foreseen.fingerprint and not foreseen.digest:
                    missing.setdefault(foreseen.fingerprint, []).append(foreseen.cell)
                else:
                    became(_foreseen(foreseen))
        else:
            for cell in task.cells:
                became(CellOutcome(cell, FAILED, reason=_reason(answer)))
    measured_beside = _build(missing, registry, crew, watcher, became)
    if crew.workers > 1:
        _measure_alone(measured_beside, crew, watcher)
    return [found[cell] for cell in matrix.cells]


def push_matrix(matrix: Matrix, registry: Registry, outcomes: Sequence[CellOutcome]) -> list[Pushed]:
    """Push the variants of every model of which none failed, where the matrix says where to."""
    pushed = []
    for cells in matrix.models():
        address = matrix.address(cells[0].name)
        ours = [outcome for outcome in outcomes if outcome.cell in cells]
        digests = {outcome.digest for outcome in ours if outcome.digest}
        if address and digests and all(outcome.state != FAILED for outcome in ours):
            artifacts = [registry.resolve(digest) for digest in sorted(digests)]
            pushed.append(push(registry, artifacts, address, add=True))
    return pushed


def _foreseen(foreseen: Foreseen) -> CellOutcome:
    if foreseen.cannot:
        return CellOutcome(foreseen.cell, CANNOT, reason=foreseen.cannot)
    return CellOutcome(foreseen.cell, THERE, foreseen.digest)


def _reason(answer: object) -> str:
    return answer.reason if isinstance(answer, Failed) else f"a worker answered {type(answer).__name__}"


def _build(
    missing: dict[str, list[Cell]], registry: str, crew: Crew, watcher: Watcher, became: Callable[[CellOutcome], None]
) -> list[MeasureTask]:
    """Build one cell of each fingerprint; what to measure again, since others were building meanwhile."""
    alike = {cells[0]: cells for cells in missing.values()}
    tasks = [BuildTask(cell.label, (cell,), registry) for cell in alike]
    measured = []
    for task, answer in crew.run(tasks, watcher.began):
        [cell] = task.cells
        if not isinstance(answer, BuiltCell):
            for each in alike[cell]:
                became(CellOutcome(each, FAILED, reason=_reason(answer)))
            continue
        became(CellOutcome(cell, THERE if answer.reused else BUILT, answer.digest))
        for each in alike[cell][1:]:
            became(CellOutcome(each, THERE, answer.digest))
        if answer.measured_here and not answer.reused:
            measured.append(MeasureTask(cell.label, (cell,), registry, answer.digest))
    return measured


def _measure_alone(tasks: Sequence[MeasureTask], crew: Crew, watcher: Watcher) -> None:
    """Latencies once more, one after the other: what was measured beside other builds says little."""
    for task in tasks:
        for _, answer in crew.run([task], watcher.began):
            if isinstance(answer, Failed):
                watcher.began(Stage(task.label, f"not measured: {answer.reason}"))
            elif isinstance(answer, Measured) and answer.latency is not None:
                watcher.began(Stage(task.label, f"{answer.latency:.1f} ms"))

"""The story of a fleet's build: what is wanted, what of it is missing, building that, and giving it to others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from zcc.compiler.fleet.crew import Crew
from zcc.compiler.fleet.matrix import Cell, Matrix
from zcc.compiler.fleet.tasks import (
    BuildTask,
    BuiltCell,
    FailedTask,
    Foreseen,
    Measured,
    MeasureTask,
    Planned,
    PlanTask,
    Stage,
    Tuned,
    TuneTask,
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

    def noted(self, line: str) -> None:
        """Something worth a line."""
        ...


def build_matrix(matrix: Matrix, registry: str, crew: Crew, watcher: Watcher) -> list[CellOutcome]:
    """Build what is missing and publish it; what became of every cell, in the order of the matrix."""
    found: dict[Cell, CellOutcome] = {}

    def became(outcome: CellOutcome) -> None:
        found[outcome.cell] = outcome
        watcher.became(outcome)

    foreseen = _plan(matrix.models(), registry, crew, watcher)
    missing = _missing(foreseen)
    if missing and matrix.tune_seconds is not None:
        _tune(matrix, missing, registry, crew, watcher)
        again = [cells for cells in matrix.models() if any(cell in cells for cell in missing)]
        foreseen |= _plan(again, registry, crew, watcher)  # what was found is part of what will be built
        missing = _missing(foreseen)
    for cell, known in foreseen.items():
        if cell not in missing:
            became(_settled(known))
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


def _plan(models: Sequence[tuple[Cell, ...]], registry: str, crew: Crew, watcher: Watcher) -> dict[Cell, Foreseen]:
    """What is known of each cell; a model that cannot be read fails in all its cells."""
    foreseen: dict[Cell, Foreseen] = {}
    plans = [PlanTask(f"plan {cells[0].name}", cells, registry) for cells in models]
    for task, answer in crew.run(plans, watcher.began):
        if isinstance(answer, Planned):
            watcher.planned(answer.cells)
            foreseen |= {each.cell: each for each in answer.cells}
        else:
            foreseen |= {cell: Foreseen(cell, wrong=_failure(answer).reason) for cell in task.cells}
    return foreseen


def _missing(foreseen: Mapping[Cell, Foreseen]) -> dict[Cell, str]:
    """The cells that are to be built, and by what fingerprints."""
    return {cell: each.fingerprint for cell, each in foreseen.items() if each.fingerprint and not each.digest}


def _settled(foreseen: Foreseen) -> CellOutcome:
    """What becomes of a cell that is not to be built."""
    if foreseen.wrong is not None:
        return CellOutcome(foreseen.cell, FAILED, reason=foreseen.wrong)
    if foreseen.cannot is not None:
        return CellOutcome(foreseen.cell, CANNOT, reason=foreseen.cannot)
    return CellOutcome(foreseen.cell, THERE, foreseen.digest)


def _failure(answer: object) -> FailedTask:
    return answer if isinstance(answer, FailedTask) else FailedTask(f"a worker answered {type(answer).__name__}")


def _tune(matrix: Matrix, missing: Iterable[Cell], registry: str, crew: Crew, watcher: Watcher) -> None:
    """Search for kernels of what is missing: on devices at once, on this machine one search after the other."""
    seconds = matrix.tune_seconds or 0.0
    tasks = [TuneTask(cell.label, (cell,), registry, seconds, matrix.runner) for cell in missing]
    for some in [tasks] if matrix.runner else [[task] for task in tasks]:
        for task, answer in crew.run(some, watcher.began):
            if isinstance(answer, Tuned):
                watcher.noted(f"{task.label}: {answer.tried} forms of kernels were measured")
            else:
                watcher.noted(f"{task.label} was not tuned: {_failure(answer).reason}")


def _build(
    missing: Mapping[Cell, str], registry: str, crew: Crew, watcher: Watcher, became: Callable[[CellOutcome], None]
) -> list[MeasureTask]:
    """Build one cell of each fingerprint; what to measure again, since others were building meanwhile."""
    alike: dict[str, list[Cell]] = {}
    for cell, fingerprint in missing.items():
        alike.setdefault(fingerprint, []).append(cell)
    twins = {cells[0]: cells for cells in alike.values()}
    tasks = [BuildTask(cell.label, (cell,), registry) for cell in twins]
    measured = []
    for task, answer in crew.run(tasks, watcher.began):
        [cell] = task.cells
        if not isinstance(answer, BuiltCell):
            for each in twins[cell]:
                became(CellOutcome(each, FAILED, reason=_failure(answer).reason))
            continue
        became(CellOutcome(cell, THERE if answer.reused else BUILT, answer.digest))
        for each in twins[cell][1:]:
            became(CellOutcome(each, THERE, answer.digest))
        if answer.measured_here and not answer.reused:
            measured.append(MeasureTask(cell.label, (cell,), registry, answer.digest))
    return measured


def _measure_alone(tasks: Sequence[MeasureTask], crew: Crew, watcher: Watcher) -> None:
    """Latencies once more, one after the other: what was measured beside other builds says little."""
    for task in tasks:
        for _, answer in crew.run([task], watcher.began):
            if isinstance(answer, Measured) and answer.latency is not None:
                watcher.noted(f"{task.label}: {answer.latency:.1f} ms, measured alone")
            elif not isinstance(answer, Measured):
                watcher.noted(f"{task.label} was not measured alone: {_failure(answer).reason}")

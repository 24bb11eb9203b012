"""The story of a fleet's build, told with workers that answer at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from zcc.compiler.fleet.build import CellOutcome, build_matrix
from zcc.compiler.fleet.matrix import Cell, Matrix
from zcc.compiler.fleet.tasks import (
    Answer,
    BuildTask,
    BuiltCell,
    FailedTask,
    FleetTask,
    Foreseen,
    Measured,
    MeasureTask,
    Planned,
    PlanTask,
    Stage,
    Tell,
    Tuned,
    TuneTask,
)

CELLS = tuple(Cell(Path("a.onnx"), "a", dtype, "native") for dtype in ("fp32", "fp16", "bf16", "int8"))
PLAIN = Matrix(CELLS)


class Crew:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, answer: Callable[[FleetTask], Answer], workers: int = 2) -> None:
        self.workers, self._answer = workers, answer
        self.asked: list[FleetTask] = []

    def run(self, tasks: Sequence[FleetTask], tell: Tell) -> Iterator[tuple[FleetTask, Answer]]:
        """One after the other, the last first."""
        for task in reversed(tasks):
            self.asked.append(task)
            tell(Stage(task.label, "begun"))
            yield task, self._answer(task)

    def close(self) -> None:
        """There is nobody to let go."""


class Watcher:
    """Keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[CellOutcome] = []

    def planned(self, foreseen: Sequence[Foreseen]) -> None:
        """Plans are the crew's."""

    def began(self, stage: Stage) -> None:
        """So are stages."""

    def became(self, outcome: CellOutcome) -> None:
        """Keep it."""
        self.seen.append(outcome)

    def noted(self, line: str) -> None:
        """Lines are for people."""


def _run(
    answer: Callable[[FleetTask], Answer], workers: int = 2, matrix: Matrix = PLAIN
) -> tuple[list[CellOutcome], Crew]:
    crew, watcher = Crew(answer, workers), Watcher()
    outcomes = build_matrix(matrix, "registry", crew, watcher)
    assert sorted(watcher.seen, key=repr) == sorted(outcomes, key=repr), "each cell is told once"
    return outcomes, crew


def test_what_is_there_is_not_built_and_what_cannot_be_is_told() -> None:
    fp32, fp16, bf16, int8 = CELLS

    def answer(task: FleetTask) -> Answer:
        if isinstance(task, PlanTask):
            foreseen = (Foreseen(fp32, "1", digest="sha256:a"), Foreseen(fp16, "2"), Foreseen(bf16, cannot="no words"))
            return Planned((*foreseen, Foreseen(int8, "3")))
        return (
            FailedTask("misses the bar")
            if task.cells == (int8,)
            else BuiltCell("sha256:b", reused=False, measured_here=False)
        )

    outcomes, crew = _run(answer)
    assert [(each.state, each.digest or each.reason) for each in outcomes] == [
        ("there", "sha256:a"),
        ("built", "sha256:b"),
        ("cannot be", "no words"),
        ("failed", "misses the bar"),
    ]
    assert [task.cells for task in crew.asked if isinstance(task, BuildTask)] == [(int8,), (fp16,)]


def test_what_is_known_to_fail_is_not_begun() -> None:
    def answer(task: FleetTask) -> Answer:
        if isinstance(task, PlanTask):
            return Planned(
                (*(Foreseen(cell, cell.dtype) for cell in CELLS[:3]), Foreseen(CELLS[3], wrong="no pictures"))
            )
        return BuiltCell("sha256:a", reused=False, measured_here=False)

    outcomes, crew = _run(answer)
    assert [each.state for each in outcomes] == ["built", "built", "built", "failed"]
    assert sum(isinstance(task, BuildTask) for task in crew.asked) == 3


def test_cells_of_one_fingerprint_are_built_once() -> None:
    def answer(task: FleetTask) -> Answer:
        if isinstance(task, PlanTask):
            return Planned(tuple(Foreseen(cell, "the same") for cell in task.cells))
        return BuiltCell("sha256:a", reused=False, measured_here=False)

    outcomes, crew = _run(answer)
    assert {each.digest for each in outcomes} == {"sha256:a"}
    assert [each.state for each in outcomes].count("built") == 1
    assert sum(isinstance(task, BuildTask) for task in crew.asked) == 1


def test_a_model_that_cannot_be_read_fails_in_all_its_cells() -> None:
    outcomes, crew = _run(lambda task: FailedTask("no ONNX file"))
    assert {(each.state, each.reason) for each in outcomes} == {("failed", "no ONNX file")}
    assert len(crew.asked) == 1


def test_what_was_measured_beside_other_builds_is_measured_again_alone() -> None:
    def answer(task: FleetTask) -> Answer:
        if isinstance(task, PlanTask):
            return Planned(tuple(Foreseen(cell, cell.dtype) for cell in task.cells))
        if isinstance(task, MeasureTask):
            return Measured(4.5)
        return BuiltCell(f"sha256:{task.cells[0].dtype}", reused=task.cells == CELLS[:1], measured_here=True)

    _, crew = _run(answer)
    assert sorted(task.digest for task in crew.asked if isinstance(task, MeasureTask)) == [
        "sha256:bf16",
        "sha256:fp16",
        "sha256:int8",
    ]
    _, alone = _run(answer, workers=1)
    assert not any(isinstance(task, MeasureTask) for task in alone.asked)


def test_what_is_missing_is_tuned_and_then_planned_anew() -> None:
    tuned: set[str] = set()

    def answer(task: FleetTask) -> Answer:
        if isinstance(task, PlanTask):
            found = "with records" if tuned else "without"
            there = Foreseen(task.cells[0], "1", digest="sha256:a")
            return Planned((there, *(Foreseen(cell, f"{cell.dtype} {found}") for cell in task.cells[1:])))
        if isinstance(task, TuneTask):
            tuned.add(task.label)
            return FailedTask("no tracker") if task.cells[0].dtype == "bf16" else Tuned(12)
        return BuiltCell(f"sha256:{task.cells[0].dtype}", reused=False, measured_here=False)

    outcomes, crew = _run(answer, matrix=Matrix(CELLS, tune_seconds=60, runner="rpc://tracker:9190/arm"))
    assert [each.state for each in outcomes] == ["there", "built", "built", "built"]
    kinds = [type(task).__name__ for task in crew.asked]
    assert kinds == ["PlanTask", *["TuneTask"] * 3, "PlanTask", *["BuildTask"] * 3]
    assert {(task.seconds, task.runner) for task in crew.asked if isinstance(task, TuneTask)} == {
        (60, "rpc://tracker:9190/arm")
    }

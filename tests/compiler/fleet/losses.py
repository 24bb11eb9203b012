"""What every crew keeps: each task has one answer, whichever workers die."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from tests.compiler.fleet.errands import WAITING, errand, tries
from zcc.compiler.fleet.crew import MOST_DEATHS, Crew
from zcc.compiler.fleet.tasks import BuiltCell, FailedTask, Stage


def check_that_every_task_has_an_answer(crew: Crew, folder: Path) -> None:
    """More tasks than workers, and what each worker told on the way."""
    told: list[Stage] = []
    tasks = [errand(f"task{number}", folder) for number in range(5)]
    answers = {task.label: answer for task, answer in crew.run(tasks, told.append)}
    assert sorted(answers) == [task.label for task in tasks]
    assert all(isinstance(answer, BuiltCell) for answer in answers.values())
    assert {stage.label for stage in told} <= set(answers)


def check_that_a_killed_worker_loses_nothing(crew: Crew, folder: Path) -> None:
    """One worker is killed in the middle of its task, which another one takes up."""
    tasks = [errand(label, folder) for label in ("first", "second", "third", "fourth")]
    (folder / "first.waits").touch()

    def kill() -> None:
        until = time.monotonic() + WAITING
        while not (begun := tries(folder, "first")):
            assert time.monotonic() < until, "it never began"
            time.sleep(0.01)
        (folder / "first.waits").unlink()
        os.kill(begun[0], signal.SIGKILL)

    (folder / "first.waits").touch()
    killer = threading.Thread(target=kill)
    killer.start()
    answers = {task.label: answer for task, answer in crew.run(tasks, lambda stage: None)}
    killer.join()
    assert sorted(answers) == sorted(task.label for task in tasks)
    assert all(isinstance(answer, BuiltCell) for answer in answers.values()), answers
    assert 1 <= len(tries(folder, "first")) <= 2, "it may have been done just before the blow"


def check_that_what_kills_workers_is_told(crew: Crew, folder: Path) -> None:
    """A task that kills whoever takes it up is given up, and the others are done."""
    (folder / "deadly.deadly").touch()
    tasks = [errand(label, folder) for label in ("before", "deadly", "after")]
    answers = {task.label: answer for task, answer in crew.run(tasks, lambda stage: None)}
    failed = answers.pop("deadly")
    assert isinstance(failed, FailedTask)
    assert "died" in failed.reason
    assert len(set(tries(folder, "deadly"))) == MOST_DEATHS
    assert all(isinstance(answer, BuiltCell) for answer in answers.values())

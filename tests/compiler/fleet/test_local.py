"""Workers of this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compiler.fleet.errands import errand, run_errand, tries
from tests.compiler.fleet.losses import (
    check_that_a_killed_worker_loses_nothing,
    check_that_every_task_has_an_answer,
    check_that_what_kills_workers_is_told,
)
from zcc.compiler.fleet.local import LocalCrew
from zcc.compiler.fleet.tasks import BuiltCell


@pytest.fixture
def crew() -> Iterator[LocalCrew]:
    """Two workers."""
    crew = LocalCrew(2, run_errand)
    yield crew
    crew.close()


def test_every_task_has_an_answer(crew: LocalCrew, tmp_path: Path) -> None:
    check_that_every_task_has_an_answer(crew, tmp_path)


def test_a_killed_worker_loses_nothing(crew: LocalCrew, tmp_path: Path) -> None:
    check_that_a_killed_worker_loses_nothing(crew, tmp_path)


def test_what_kills_workers_is_told(crew: LocalCrew, tmp_path: Path) -> None:
    check_that_what_kills_workers_is_told(crew, tmp_path)


def test_workers_are_kept_for_the_next_tasks(crew: LocalCrew, tmp_path: Path) -> None:
    for label in ("one", "two"):
        list(crew.run([errand(label, tmp_path)], lambda stage: None))
    assert tries(tmp_path, "one") == tries(tmp_path, "two")


def test_an_interrupt_at_its_birth_does_not_reach_a_worker(crew: LocalCrew, tmp_path: Path) -> None:
    """A terminal's Ctrl-C goes to whole groups of processes, and Python's start would tell it in a traceback."""
    interrupted: list[int] = []
    thread = threading.Thread(target=lambda: interrupted.append(interrupt_first(crew)))
    thread.start()
    [(_, answer)] = crew.run([errand("one", tmp_path)], lambda stage: None)
    thread.join()
    assert isinstance(answer, BuiltCell) and answer.digest == str(interrupted[0])


def interrupt_first(crew: LocalCrew) -> int:
    """Interrupt the first worker that there is."""
    while not crew.processes:
        time.sleep(0.001)
    os.kill(crew.processes[0], signal.SIGINT)
    return crew.processes[0]

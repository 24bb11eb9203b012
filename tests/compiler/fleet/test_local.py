"""Workers of this machine."""

from __future__ import annotations

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

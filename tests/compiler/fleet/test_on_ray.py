"""Workers of a real Ray cluster, started on this machine for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compiler.fleet.errands import run_errand
from tests.compiler.fleet.losses import (
    check_that_a_killed_worker_loses_nothing,
    check_that_every_task_has_an_answer,
    check_that_what_kills_workers_is_told,
)
from zcc.compiler.fleet.on_ray import LOCAL, RayCrew

pytest.importorskip("ray", reason="ray is not installed (the extra fleet; 79 MB, so dev does not bring it)")


@pytest.fixture(scope="module")
def crew() -> Iterator[RayCrew]:
    """Two workers."""
    crew = RayCrew(LOCAL, 2, run_errand)
    yield crew
    crew.close()


def test_every_task_has_an_answer(crew: RayCrew, tmp_path: Path) -> None:
    check_that_every_task_has_an_answer(crew, tmp_path)


def test_a_killed_worker_loses_nothing(crew: RayCrew, tmp_path: Path) -> None:
    check_that_a_killed_worker_loses_nothing(crew, tmp_path)


def test_what_kills_workers_is_told(crew: RayCrew, tmp_path: Path) -> None:
    check_that_what_kills_workers_is_told(crew, tmp_path)

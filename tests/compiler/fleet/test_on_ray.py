"""Workers of a real Ray cluster, started on this machine: one for all, since starting it takes longest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.compiler.fleet.errands import run_errand
from tests.compiler.fleet.losses import check_that_a_killed_worker_loses_nothing, check_that_what_kills_workers_is_told
from zcc.compiler.fleet.on_ray import LOCAL, RayCrew


def test_whichever_workers_die_every_task_has_its_answer(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed (the extra fleet; .ci/run brings it)")
    with closing(RayCrew(LOCAL, 2, run_errand)) as crew:
        for check in (check_that_a_killed_worker_loses_nothing, check_that_what_kills_workers_is_told):
            (folder := tmp_path / check.__name__).mkdir()
            check(crew, folder)

"""What is refused before a model is built."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.table import targets
from zcc.compiler.building.prepare import check_task
from zcc.compiler.ir.tasks.table import TASKS
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import TaskInfo


@pytest.mark.parametrize("task", [task.name for task in TASKS if task.name != "detect"])
def test_a_task_that_cards_do_not_know_is_refused_in_a_line(task: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_task(TaskInfo(task), targets()["cuda:sm_90"])
    told = str(raised.value)
    assert told.startswith(f"{task} models are not compiled for cuda:sm_90 yet; take a target of x86-64-v2, ")
    assert "cuda" not in told.partition(";")[2] and "\n" not in told
    check_task(TaskInfo(task), targets()["x86-64-v3"])


def test_detectors_are_compiled_for_cards() -> None:
    check_task(TaskInfo(), targets()["cuda:sm_90"])

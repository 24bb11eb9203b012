"""What is refused before a model is built."""

from __future__ import annotations

import pytest

from zcc.compiler.backends.table import targets
from zcc.compiler.building.prepare import check_task, for_task
from zcc.compiler.ir.tasks.table import TASKS
from zcc.compiler.precision.table import find_precision
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


def test_of_this_machines_own_targets_those_are_taken_that_build_the_task() -> None:
    fp32, notes = find_precision("fp32"), list[str]()
    variants = [(fp32, targets()["x86-64-v3"]), (fp32, targets()["cuda:sm_90"])]
    assert for_task(variants, TaskInfo("pose"), True, notes.append) == variants[:1]
    assert notes == ["pose models are not compiled for cuda:sm_90 yet"]
    assert for_task(variants, TaskInfo(), True, notes.append) == variants and len(notes) == 1
    for named, wanted in ((variants, False), (variants[1:], True)):
        with pytest.raises(UsageError, match="pose models are not compiled for cuda:sm_90 yet"):
            for_task(named, TaskInfo("pose"), wanted, notes.append)

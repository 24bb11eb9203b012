"""A search by MetaSchedule over our spaces, devices and records.

The next trials go to the kernel whose time weighs most; the cost model decides in which order its forms are tried, and
the database keeps every record the moment it is made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Any

from tvm.ir.utils import derived_object
from tvm.s_tir import meta_schedule as ms
from tvm.s_tir.meta_schedule.measure_callback import PyMeasureCallback
from tvm.s_tir.meta_schedule.task_scheduler import PyTaskScheduler

from zcc.compiler.backends.cpu.forms.records import RECORDS, WORKLOADS
from zcc.compiler.backends.cpu.forms.workload import chosen_in, make_workload
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.compiler.backends.cpu.kernels.rules_context import RulesContext
from zcc.compiler.backends.cpu.tuning.cost_model import BoostedTrees
from zcc.compiler.backends.cpu.tuning.kernel_task import CpuSearch, KernelTask
from zcc.compiler.backends.cpu.tuning.order import Allowance, RankedSearch
from zcc.compiler.backends.cpu.tuning.runner import Devices, PassOn, TrialRunner
from zcc.compiler.backends.cpu.tuning.space import space_of
from zcc.compiler.backends.search import SearchProgress
from zcc.runtime.errors import TuningError

BATCH = 8  # forms of a kernel that one library holds
UNLIMITED = 1 << 30


def run_scheduler(
    search: CpuSearch,
    folder: Path,
    trials: int | None,
    addresses: Sequence[Any],
    progress: SearchProgress,
    stop: threading.Event,
) -> None:
    """Search until every form was measured, so many trials were made, or `stop` is set."""
    tasks = [task for task in search.tasks if task.left]
    kernels = {task.description: task.spec for task in tasks}
    model = BoostedTrees(kernels)
    devices = Devices(list(addresses))
    seconds = {task.description: task.base_seconds for task in tasks if task.base_seconds}
    allowance = Allowance(trials or inf)
    contexts = [_context(task, search, lambda: model.trained, allowance) for task in tasks]
    callback = ProgressCallback(search, tasks, progress, stop)
    try:
        HeaviestFirst(tasks, len(addresses)).tune(
            contexts,
            [float(task.count) for task in tasks],
            trials or UNLIMITED,
            UNLIMITED,
            BATCH,
            PassOn(),
            TrialRunner(devices, kernels, search.target, seconds, stop),
            [ms.measure_callback.AddToDatabase(), ms.measure_callback.UpdateCostModel(), callback],
            ms.database.JSONDatabase(str(folder / WORKLOADS), str(folder / RECORDS)),
            model,
        )
    except Exception:
        # MetaSchedule turns what its parts raise into exceptions of its own.
        if devices.unreachable:
            raise TuningError(
                f"no machine can be reached any more: {devices.unreachable}",
                "see that tracker and servers run, then tune again: what was measured is kept",
            ) from None
        if not callback.ended and not stop.is_set():
            raise
    finally:
        devices.close()
    if callback.hopeless:
        raise TuningError(f"no kernel can be measured: {callback.hopeless}", "see `zcc doctor`")


@derived_object
class HeaviestFirst(PyTaskScheduler):  # type: ignore[misc]
    """Keeps every device busy, and the results of no more batches than there are devices unwritten.

    A kernel's weight is the share it has in the network's time, less with every batch of its forms that was tried.
    """

    def __init__(self, tasks: list[KernelTask], devices: int) -> None:
        super().__init__()
        self.tasks, self.devices = tasks, devices
        self.batches = [0] * len(tasks)
        self.running: list[int] = []

    def next_task_id(self) -> int:
        """The task to take a batch of; -1 when none has forms left."""
        while len(self.running) >= self.devices:
            self.join_running_task(self.running.pop(0))
        waiting = [number for number, task in enumerate(self.tasks) if task.left and number not in self.running]
        if not waiting:
            return -1
        chosen = max(waiting, key=self.weight)
        self.batches[chosen] += 1
        self.running.append(chosen)
        return chosen

    def weight(self, number: int) -> float:
        """Seconds, or a guess at them that puts kernels which nobody has measured first."""
        task = self.tasks[number]
        seconds = task.best_seconds if task.best_seconds and self.batches[number] else task.flops
        return task.count * seconds / (1 + self.batches[number])


def _context(task: KernelTask, search: CpuSearch, trained: Callable[[], bool], allowance: Allowance) -> RulesContext:
    strategy = RankedSearch(task.known, trained, allowance)
    target = search.target.tvm_target()
    return RulesContext(make_workload(task.spec), target, space_of(task.choices), strategy, task.spec.name)


class SearchEnded(Exception):
    """Ends MetaSchedule's loop."""


@derived_object
class ProgressCallback(PyMeasureCallback):  # type: ignore[misc]
    """Updates the tasks after each batch, reports progress, and ends the search when it is to end."""

    def __init__(
        self, search: CpuSearch, tasks: list[KernelTask], progress: SearchProgress, stop: threading.Event
    ) -> None:
        super().__init__()
        self.search, self.tasks, self.progress, self.stop = search, tasks, progress, stop
        self.hopeless: str | None = None  # the last failure, as long as there is nothing else
        self.ended = False

    def apply(self, task_scheduler: Any, task_id: int, candidates: Any, builds: Any, results: Any) -> None:
        """A batch of one task was measured, and its records are written."""
        task = self.tasks[task_id]
        for candidate, result in zip(candidates, results, strict=True):
            failure = str(result.error_msg) if result.error_msg else None
            task.tried += 1
            task.failed += failure is not None
            choice = write_choice(chosen_in(candidate.sch.mod))
            task.learn(choice, None if failure else float(result.run_secs[0]))
            if failure:
                self.progress.note(f"{task.spec.name}, {choice}: {failure}")
        sound = any(each.best_seconds for each in self.search.tasks)
        self.hopeless = None if sound else str(results[-1].error_msg)
        self.progress.measured(self.search, task)
        self.ended = self.stop.is_set() or (self.search.tried >= BATCH and not sound)
        if self.ended:
            raise SearchEnded

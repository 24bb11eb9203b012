"""The search for one variant's kernels, then for its network's form."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, ClassVar

from zcc.compiler.backends.common.machine import Machine, arithmetic_of
from zcc.compiler.backends.common.measuring.addresses import find_addresses
from zcc.compiler.backends.common.record_folders import SHIPPED, own_records
from zcc.compiler.backends.cpu.forms.find_records import find_records
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.forms.records import read_records
from zcc.compiler.backends.cpu.kernels.choices import Unchanged, write_choice
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.machine.peaks import measure_machine
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.form_builder import FormBuilder
from zcc.compiler.backends.cpu.tuning.form_race import RACE_SECONDS
from zcc.compiler.backends.cpu.tuning.kernel_task import CpuSearch, KernelTask, tasks_of
from zcc.compiler.backends.cpu.tuning.record_files import CpuRecordFiles
from zcc.compiler.backends.cpu.tuning.search_kernels import search_kernels
from zcc.compiler.backends.cpu.tuning.search_network import search_network
from zcc.compiler.backends.search import Limits, SearchProgress, TuningJob
from zcc.compiler.backends.stage import RunStage
from zcc.runtime import host

KERNELS_SHARE = 0.85  # of the time and of the trials
NETWORK_SECONDS = 20.0  # that building a network in two forms and racing them take at least
FLOORS_WORTH = 120.0  # seconds of a search that is worth the few that measuring the machine takes
FORM_SECONDS = 0.4  # that building a kernel in a form takes, where no search has just told


class CpuTuner:
    """The contract of tuning, for CPUs: forms of kernels by MetaSchedule, then forms of the network in turns."""

    records = CpuRecordFiles()
    services: ClassVar[Mapping[str, Callable[[bytes], str]]] = {}  # libraries are sent over and run

    def devices(self, target: CpuTarget, runner: str | None) -> list[Any]:
        """This machine where it runs the target, or machines behind a tracker of TVM's."""
        return find_addresses(runner, target)

    def search(
        self,
        job: TuningJob[CpuTarget],
        home: Path,
        limits: Limits,
        runner: str | None,
        stage: RunStage,
        progress: SearchProgress,
    ) -> CpuSearch:
        """Most of the time goes to the kernels, what is left to the network."""
        began = time.monotonic()
        target, devices = job.target, self.devices(job.target, runner)
        network = job.precision.convert(job.source.network(), job.calibration, (), target.short_words, target.halves)
        block = default_form(target, job.precision.name).block
        calls = lower_network(network, target.unit, Unchanged(), block).calls
        tasks = tasks_of(calls, target.unit)
        put_shipped_first(tasks, target)
        with stage(f"tune {job.precision.name} for {target.name}"):
            if target.runs_here() and worth_floors(limits):
                set_floors(tasks, measure_machine(target, {arithmetic_of(task.name) for task in tasks}))
            kernels = for_kernels(limits).after(time.monotonic() - began)
            search = search_kernels(tasks, target, own_records(home, target), kernels, devices, progress)
        build_seconds = len({call.spec for call in calls}) * seconds_per_form(search)
        left = for_network(limits, search).after(time.monotonic() - began)
        if left.seconds is not None and left.seconds < 2 * build_seconds + RACE_SECONDS:
            progress.note("no time is left for other forms of the network as a whole; give a larger --budget")
            return search
        with stage(f"tune {job.precision.name} as a whole"):
            builder = FormBuilder(job.source, job.precision, target, job.calibration, find_records(home, target))
            shares = runner is None and host.threads_are_free()
            left = for_network(limits, search).after(time.monotonic() - began)
            folder = own_records(home, target)
            search.network = search_network(builder, folder, left, devices[0], shares, progress, build_seconds)
        return search


def put_shipped_first(tasks: Iterable[KernelTask], target: CpuTarget) -> None:
    """Have a search try what came with zcc right behind the default: its records will hide zcc's."""
    shipped = read_records(SHIPPED / target.key)
    for task in tasks:
        offered = {write_choice(choice): choice for choice in task.choices}
        default = next(iter(offered))
        best = shipped[task.key].best(default, offered) if task.key in shipped else None
        if best is not None:
            others = (choice for name, choice in offered.items() if name not in (default, best))
            task.choices = (offered[default], offered[best], *others)


def seconds_per_form(search: CpuSearch) -> float:
    """What it takes to build a kernel in a form, as the search has just seen it."""
    return search.spent / search.tried if search.tried else FORM_SECONDS


def for_kernels(limits: Limits) -> Limits:
    """What kernels may take: not all, since there are few forms of the network, and all of it gains by them.

    All of it where the rest would not do for one form.
    """
    trials = limits.trials and ceil(KERNELS_SHARE * limits.trials)
    if limits.seconds is None or (1 - KERNELS_SHARE) * limits.seconds < NETWORK_SECONDS:
        return Limits(trials, limits.seconds)
    return Limits(trials, KERNELS_SHARE * limits.seconds)


def for_network(limits: Limits, search: CpuSearch) -> Limits:
    """The trials that the kernels left."""
    return replace(limits, trials=None if limits.trials is None else max(limits.trials - search.tried, 0))


def worth_floors(limits: Limits) -> bool:
    """Whether to measure what the machine could do at best, which tells how good a form is and finds none."""
    trials = None if limits.trials is None else limits.trials * FORM_SECONDS
    return all(seconds is None or seconds >= FLOORS_WORTH for seconds in (limits.seconds, trials))


def set_floors(tasks: Sequence[KernelTask], machine: Machine) -> None:
    """Tell each task what its arithmetic and memory take at least."""
    for task in tasks:
        task.floor_seconds = machine.floor(arithmetic_of(task.name), task.flops, task.bytes)

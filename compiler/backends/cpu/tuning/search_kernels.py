"""The story of a search: a network's kernels go in, records of their quickest forms come out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zcc.compiler.backends.common.measuring.needed import check_installed
from zcc.compiler.backends.common.measuring.time_limit import stopping
from zcc.compiler.backends.common.record_folders import LOCK
from zcc.compiler.backends.cpu.forms.records import read_records, write_records
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.kernel_task import CpuSearch, KernelTask
from zcc.compiler.backends.search import Limits, Search, SearchProgress
from zcc.registry.locks import exclusive


def search_kernels(
    tasks: Sequence[KernelTask],
    target: CpuTarget,
    folder: Path,
    limits: Limits,
    addresses: Sequence[Any],
    progress: SearchProgress,
) -> CpuSearch:
    """Search until everything was tried or a limit is reached; the folder's records grow meanwhile.

    Ctrl-C ends the search as a limit does, and is raised again when the records are in order.
    """
    began = time.monotonic()
    check_installed()
    # Imported here, as it imports what only a search needs.
    from zcc.compiler.backends.cpu.tuning.scheduler import run_scheduler

    search = Search(list(tasks), target, target.unit.threads, limits.seconds)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / LOCK, lambda: progress.note("another search writes to these records; waiting for it")):
        tidy(folder)
        recall(tasks, folder)
        left = limits.after(time.monotonic() - began).seconds
        if any(task.left for task in tasks) and left != 0:
            with stopping(left) as stop:
                try:
                    run_scheduler(search, folder, limits.trials, addresses, progress, stop)
                finally:
                    tidy(folder)
    return search


def tidy(folder: Path) -> None:
    """Sort the records, and drop what a killed search left half written."""
    write_records(folder, read_records(folder))


def recall(tasks: Sequence[KernelTask], folder: Path) -> None:
    """Tell the tasks what earlier searches found."""
    database = read_records(folder)
    for task in tasks:
        records = database[task.key].records if task.key in database else {}
        task.known = frozenset(map(write_choice, task.choices)) & records.keys()
        for choice in task.known:
            task.learn(choice, None if records[choice].failed else records[choice].seconds)

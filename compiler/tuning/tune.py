"""The story of a search: a network's kernels go in, records of their quickest forms come out."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import Any

from zcc.compiler.backends.cpu.forms.records import read_records, write_records
from zcc.compiler.backends.cpu.kernels.choices import write_choice
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.tuning.kernel_task import KernelTask, Search
from zcc.compiler.tuning.search_progress import SearchProgress
from zcc.registry.locks import exclusive
from zcc.runtime.distribution import how_to_install
from zcc.runtime.errors import TuningError

NEEDED = ("xgboost", "psutil", "cloudpickle", "tornado")
LOCK = "tuning.lock"


@dataclass(frozen=True)
class Limits:
    """When a search ends, if there is still something to try."""

    trials: int | None = None
    seconds: float | None = None

    def after(self, seconds: float) -> Limits:
        """What is left of them when so much time is gone."""
        return replace(self, seconds=None if self.seconds is None else max(self.seconds - seconds, 0.0))


class Deadline(threading.Event):
    """Set when the time is up; tells how much there is until then."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__()
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, endless where there is no limit."""
        return inf if self._end is None else max(self._end - time.monotonic(), 0.0)


def tune(
    tasks: Sequence[KernelTask],
    target: CpuTarget,
    folder: Path,
    limits: Limits,
    addresses: Sequence[Any],
    progress: SearchProgress,
) -> Search:
    """Search until everything was tried or a limit is reached; the folder's records grow meanwhile.

    Ctrl-C ends the search as a limit does, and is raised again when the records are in order.
    """
    began = time.monotonic()
    check_installed()
    # Imported here, as it imports what only a search needs.
    from zcc.compiler.tuning.scheduler import run_scheduler

    search = Search(list(tasks), target, limits.seconds)
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


def check_installed() -> None:
    """Raise when what a search needs is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TuningError(f"tuning needs {', '.join(missing)}", how_to_install("compiler"))


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


@contextmanager
def stopping(seconds: float | None) -> Iterator[Deadline]:
    """An event that is set when the time is up, or at Ctrl-C, which is raised again behind the block."""
    stop = Deadline(seconds)
    interrupted = threading.Event()

    def interrupt(*_: Any) -> None:
        interrupted.set()
        stop.set()

    timer = threading.Timer(seconds, stop.set) if seconds is not None else None
    caught = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, interrupt) if caught else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield stop
    finally:
        if timer:
            timer.cancel()
        if caught:
            signal.signal(signal.SIGINT, before)
    if interrupted.is_set():
        raise KeyboardInterrupt

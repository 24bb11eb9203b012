"""Workers on this machine: processes that live as long as there is work, so that each imports the compiler once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from zcc.compiler.backends.common.processes import without_interrupts
from zcc.compiler.fleet.crew import Deaths
from zcc.compiler.fleet.tasks import Answer, FleetTask, Perform, Stage, Tell
from zcc.compiler.fleet.work import perform

DYING = 1.0  # seconds that a worker which hung up may take to be gone
_CONTEXT = multiprocessing.get_context("spawn")  # a fork would inherit threads that are not there


class LocalCrew:
    """So many worker processes, started when there is something for them to do."""

    def __init__(self, workers: int, perform: Perform = perform) -> None:
        self.workers, self._perform = workers, perform
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, FleetTask] = {}

    def run(self, tasks: Sequence[FleetTask], tell: Tell) -> Iterator[tuple[FleetTask, Answer]]:
        """Every task with its answer, as they come; what a worker died over is given to another one."""
        waiting, deaths = deque(tasks), Deaths()
        while waiting or self._busy:
            while waiting and len(self._busy) < self.workers:
                self._give(waiting.popleft())
            for worker in self._ready():
                task, said = self._busy[worker], worker.hear()
                if isinstance(said, Stage):
                    tell(said)
                    continue
                del self._busy[worker]
                if said is not None:
                    self._idle.append(worker)
                    yield task, said
                elif failed := deaths.over(task, worker.end()):
                    yield task, failed
                else:
                    waiting.append(task)

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        workers = (*self._idle, *self._busy)
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.end()
        self._idle, self._busy = [], {}

    @property
    def processes(self) -> list[int]:
        """The ids of those that work."""
        return [worker.process.pid or 0 for worker in self._busy]

    def _give(self, task: FleetTask) -> None:
        """Hand a task to an idle worker that still lives, else to a new one."""
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive() and worker.give(task):
                break
            worker.end()
        else:
            worker = _Worker(self._perform)
            worker.give(task)
        self._busy[worker] = task

    def _ready(self) -> list[_Worker]:
        """The workers that have something to say, or died."""
        by_handle: dict[Any, _Worker] = {}
        for worker in self._busy:
            by_handle[worker.pipe] = by_handle[worker.process.sentinel] = worker
        return list(dict.fromkeys(by_handle[handle] for handle in wait(list(by_handle))))


class _Worker:
    """A process, and the pipe to it."""

    def __init__(self, perform: Perform) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs, perform), name="zcc-build")
        with without_interrupts():
            self.process.start()
        theirs.close()

    def give(self, task: FleetTask) -> bool:
        """Hand a task over; whether the worker was there to take it."""
        try:
            self.pipe.send(task)
        except OSError:
            return False
        return True

    def hear(self) -> Answer | Stage | None:
        """What the worker says next; None when it died."""
        try:
            said: Answer | Stage | None = self.pipe.recv() if self.pipe.poll() else None
            return said
        except (EOFError, OSError):
            return None

    def end(self) -> str:
        """See it off, and say what it died of; one that hung up and still lives is killed."""
        self.pipe.close()
        self.process.join(DYING)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _serve(pipe: Connection, perform: Perform) -> None:
    """Take tasks until there is nobody to give any."""
    os.dup2(2, 1)  # what libraries print is no result
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(perform(task, pipe.send))

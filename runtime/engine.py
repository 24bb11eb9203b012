"""The one thread of a process that runs frames.

The compiled code shares each frame out over all cores by itself, so frames of several detectors and callers are run one
after another: that is as fast as the cores are, no core is promised twice, and one arena of working memory serves every
detector in the process. It also outlives a fork: the child starts an engine of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np
import tvm_ffi

from zcc.runtime import host

T = TypeVar("T")
SHARE_ALL_CORES = -3  # TVM's affinity mode: any worker on any of the given cores
ALIGNMENT = 64


class _Job(Generic[T]):
    """A call on its way to the engine and back."""

    __slots__ = ("done", "error", "function", "result")

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.done = threading.Lock()
        self.done.acquire()
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the call was made
            self.error = error
        self.done.release()


class Engine:
    """Runs calls in its own thread, in the order they came."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job[Any]] = SimpleQueue()
        self.arena = aligned_bytes(0)
        self.thread = threading.Thread(target=self._work, name="zcc-engine", daemon=True)
        self.thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` in the engine's thread and return what it returns, or raise what it raises."""
        job = _Job(function)
        self.jobs.put(job)
        job.done.acquire()
        if job.error is not None:
            raise job.error
        return job.result  # type: ignore[return-value]

    def reserve(self, size: int) -> Any:
        """Working memory of at least `size` bytes; only for use inside a call."""
        if self.arena.size < size:
            self.arena = aligned_bytes(size)
        return self.arena[:size]

    def _work(self) -> None:
        configured = False
        while True:
            job = self.jobs.get()
            # The thread pool belongs to the thread, and the library that holds it is loaded by the first job.
            if not configured:
                configured = _configure_threads()
            job.run()
            del job


def _configure_threads() -> bool:
    configure = tvm_ffi.get_global_func("runtime.config_threadpool", allow_missing=True)
    if configure is None:
        return False
    cores = [str(cpu) for cpu in host.usable_cpus()]
    configure(SHARE_ALL_CORES, host.worker_threads(), cores)
    return True


def aligned_bytes(size: int) -> Any:
    """Zeroed bytes that begin at a cache line."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


_engine: Engine | None = None
_starting = threading.Lock()


def engine() -> Engine:
    """The engine of this process."""
    global _engine
    if _engine is None:
        with _starting:
            if _engine is None:
                _engine = Engine()
    return _engine


def _forget_engine() -> None:
    """Threads do not survive a fork; the child's first call starts anew."""
    global _engine, _starting
    _engine = None
    _starting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_engine)

"""The one thread of a process that runs frames, and one beside it that makes variants ready.

The compiled code shares each frame out over all cores by itself, so frames of several detectors and callers are run one
after another: that is as fast as the cores are, no core is promised twice, and one arena of working memory serves every
detector in the process. What happens aside has one thread with little weight, so that frames flow on meanwhile. Engines
outlive a fork: the child starts its own.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import numpy as np

from zcc.runtime import host
from zcc.runtime.errors import UsageError

T = TypeVar("T")
CONFIGURE = "runtime.config_threadpool"  # a function that TVM's runtime library registers when it is loaded
SHARE_ALL_CORES = -3  # TVM's affinity mode: any worker on any of the given cores
ALIGNMENT = 64
SPIN_VARIABLE = "TVM_THREAD_POOL_SPIN_COUNT"
SPINS = "2000"  # how often a helper looks for work before it sleeps: from kernel to kernel, not from frame to frame


@dataclass(frozen=True, eq=False)
class EngineRole:
    """What an engine is for."""

    name: str
    threads: int | None = None  # that share a frame; as many as the process may use where nothing is said
    niceness: int = 0  # above the process's; with 10 more, a thread gets a tenth of what another one gets on a core


FRAMES = EngineRole("zcc-engine")
ASIDE = EngineRole("zcc-aside", threads=1, niceness=10)


class _Job(Generic[T]):
    """A call on its way to the engine and back."""

    __slots__ = ("done", "error", "function", "result")

    def __init__(self, function: Callable[[], T]) -> None:
        self.function = function
        self.done = threading.Lock()
        self.done.acquire()
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self, prepare: Callable[[], None]) -> None:
        try:
            prepare()
            self.result = self.function()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the call was made
            self.error = error
        self.done.release()

    def outcome(self) -> T:
        """Wait, then return what the function returned, or raise what it raised."""
        self.done.acquire()
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # else error, traceback and job would hold each other, and the frame with them
        return self.result  # type: ignore[return-value]


class Engine:
    """Runs calls in its own thread, in the order they came."""

    def __init__(self, place: EngineRole) -> None:
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._arena = aligned_bytes(0)
        self._open = True
        self._cpus = [str(cpu) for cpu in host.usable_cpus()]
        self._threads, self._sharing = place.threads or host.worker_threads(), 0
        self._thread = threading.Thread(target=self._work, name=place.name, daemon=True)
        self._thread.start()
        if place.niceness:  # the weight belongs to the thread that asks for it
            self.call(lambda: _give_way(place.niceness))

    def call(self, function: Callable[[], T]) -> T:
        """Run `function` in the engine's thread and return what it returns, or raise what it raises."""
        return self._put(function).outcome()

    def post(self, function: Callable[[], object]) -> None:
        """Have `function` run in the engine's thread, and wait for nothing; it sees to its own errors."""
        self._put(function)

    def _put(self, function: Callable[[], T]) -> _Job[T]:
        # Daemon threads that still call wait for their end; whoever holds up the exit itself must not wait.
        if not self._open and threading.current_thread() is threading.main_thread():
            raise UsageError("frames cannot be run any more: the interpreter is exiting")
        job = _Job(function)
        self._jobs.put(job)
        return job

    def reserve(self, size: int) -> Any:
        """Working memory of at least `size` bytes; only for use inside a call."""
        if self._arena.size < size:
            self._arena = aligned_bytes(size)
        return self._arena[:size]

    def share(self, threads: int) -> None:
        """Share what runs from now on out over so many threads, or over all there are; only inside a call.

        TVM's runtime library must be loaded.
        """
        wanted = min(threads, self._threads)
        if not self._sharing:
            self._start_sharing()
        if wanted != self._sharing:
            _configure_pool(self._cpus, wanted)
            self._sharing = wanted

    def give_arena(self, other: Engine) -> None:
        """Leave the working memory, whose pages are all there, to an engine that has less; only inside a call."""
        arena, self._arena = self._arena, aligned_bytes(0)
        other.call(lambda: other._take_arena(arena))

    def _take_arena(self, arena: Any) -> None:
        if arena.size > self._arena.size:
            self._arena = arena

    def stop(self) -> None:
        """Finish the calls that wait, and run no more."""
        self._open = False
        self._jobs.put(None)
        self._thread.join()

    def _start_sharing(self) -> None:
        """The pool of helpers is that of the thread that asks for it."""
        _start_pool(self._cpus, self._threads)
        self._sharing = self._threads

    def _prepare(self) -> None:
        """See to the pool of what a call runs of TVM's; where the call itself loads the library, `share` does."""
        if not self._sharing and _has_pools():
            self._start_sharing()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run(self._prepare)
            del job  # else the last frame would be held until the next one comes


def _has_pools() -> bool:
    """Whether TVM's runtime library is loaded; nothing is imported to find out, since cards do without."""
    tvm_ffi = sys.modules.get("tvm_ffi")
    return tvm_ffi is not None and tvm_ffi.get_global_func(CONFIGURE, allow_missing=True) is not None


def _start_pool(cpus: Sequence[str], threads: int) -> None:
    """Give the calling thread helpers, so that they are `threads` together, on any of the given processors."""
    os.environ.setdefault(SPIN_VARIABLE, SPINS)  # TVM's own 300,000 keep every core busy between a camera's frames
    # The first call makes a thread for each processor it is given, however few it is to use; the second lets them roam.
    _configure_pool(list(islice(cycle(cpus), threads)), threads)
    _configure_pool(cpus, threads)


def _configure_pool(cpus: Sequence[str], threads: int) -> None:
    import tvm_ffi  # not before it is needed: what runs on a card does without

    tvm_ffi.get_global_func(CONFIGURE)(SHARE_ALL_CORES, threads, list(cpus))


def _give_way(niceness: int) -> None:
    """Let other threads of this process go first; elsewhere than on Linux, threads have no niceness of their own."""
    if host.system() == "linux":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + niceness)


def aligned_bytes(size: int) -> Any:
    """Zeroed bytes that begin at a cache line."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


_engines: dict[EngineRole, Engine] = {}
_starting = threading.Lock()


def engine(place: EngineRole = FRAMES) -> Engine:
    """The engine of this process for frames, or the one aside."""
    found = _engines.get(place)
    if found is None:
        with _starting:
            found = _engines.get(place) or _engines.setdefault(place, Engine(place))
    return found


def _stop_engines() -> None:
    """No native code may run while the interpreter and its libraries are taken down."""
    for each in (ASIDE, FRAMES):  # what happens aside may end with a call to the other
        if each in _engines:
            _engines[each].stop()


def _forget_engines() -> None:
    """Threads do not survive a fork; the child's first call starts anew."""
    global _starting
    _engines.clear()
    _starting = threading.Lock()


atexit.register(_stop_engines)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_engines)

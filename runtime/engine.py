"""Who runs frames: one caller at a time, whose frame an engine's threads share, and one that makes variants ready.

The compiled code shares each frame out over the threads by itself, so frames of an engine are run one after another,
and one arena of working memory serves every detector in the process; lanes.py has engines side by side. Who calls alone
runs his frame in his own thread, without a switch to another one; when several call the same engine, theirs are run in
the order they came by a thread of its own. What happens aside has one thread with little weight, so that frames flow on
meanwhile. Engines outlive a fork: the child starts its own.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import get_ident
from typing import Any, Generic, NamedTuple, TypeVar

from zcc.runtime import host
from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.errors import UsageError
from zcc.runtime.frame_pool import FramePool, PoolCode
from zcc.runtime.neighbours import ProcessorsLeft
from zcc.runtime.numa import stay_on

T = TypeVar("T")
LOOK_AGAIN = 1.0  # seconds until the cores that the process may use are counted anew


@dataclass(frozen=True, eq=False)
class EngineRole:
    """What an engine is for."""

    name: str
    threads: int | None = None  # that share a frame; as many as the process may use where nothing is said
    cpus: frozenset[int] = frozenset()  # that its threads stay on, its own one among them; any where none are named
    niceness: int = 0  # above the process's; with 10 more, a thread gets a tenth of what another one gets on a core


FRAMES = EngineRole("zcc-engine")
ASIDE = EngineRole("zcc-aside", threads=1, niceness=10)


class Lane(NamedTuple):
    """Where a frame is to run, and as one of how many that share the cores."""

    engine: Engine
    streams: int


class _Job(Generic[T]):
    """A call on its way to the engine's thread and back."""

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
    """Runs calls one at a time: at once in the thread of a lone caller, else in the order they came in its own."""

    def __init__(self, place: EngineRole, clock: Callable[[], float] = time.monotonic) -> None:
        self.all_cores = Lane(self, 1)  # for a frame that is alone
        self._place = place
        self._in_own_thread = bool(place.niceness or place.cpus)  # weight and place belong to it, not to callers
        self._open = not _exiting
        self._clock, self._threads, self._next_look = clock, 0, 0.0
        self._left = ProcessorsLeft()
        self._pool = FramePool(place.threads or max(host.worker_threads(), os.cpu_count() or 1), place.cpus)
        # Whoever runs has the turn; and again, when the handler of a signal that came meanwhile runs frames itself.
        self._turn = threading.RLock()
        self._depth, self._arenas = 0, [aligned_bytes(0)]  # the handler's frames have memory of their own
        self._callers: dict[int, None] = {}  # threads that run a call themselves, or are about to
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._serving = False  # whether the engine's thread has taken one of them
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function` on what it is given, alone, and return what it returns, or raise what it raises."""
        # In one piece, `_run` among it, and arguments instead of a closure: for a small model, each function that this
        # called or made would be a percent of a frame.
        caller = get_ident()
        waits = caller not in self._callers and (self._callers or self._serving or self._jobs.qsize())
        if waits or self._in_own_thread or not self._open:
            return self._put(partial(function, *arguments)).outcome()
        # A signal's handler may raise wherever a function has returned: not between these two lines.
        self._callers[caller] = None
        try:
            with self._turn:
                outer = self._depth
                self._depth = outer + 1
                try:
                    return function(*arguments)
                finally:
                    self._depth = outer
        finally:
            self._callers.pop(caller, None)

    def is_idle(self) -> bool:
        """Whether no call runs here or waits to: sooner told than how many do."""
        return not (self._callers or self._serving or self._jobs.qsize())

    @property
    def load(self) -> int:
        """How many calls run here or wait to."""
        return len(self._callers) + self._serving + self._jobs.qsize()

    def post(self, function: Callable[[], object]) -> None:
        """Have `function` run in the engine's thread, and wait for nothing; it sees to its own errors."""
        self._put(function)

    def _run(self, function: Callable[[], T]) -> T:
        with self._turn:
            outer = self._depth
            self._depth = outer + 1
            try:
                return function()
            finally:
                self._depth = outer

    def _put(self, function: Callable[[], T]) -> _Job[T]:
        # Daemon threads that still call wait for their end; whoever holds up the exit itself must not wait.
        if not self._open and threading.current_thread() is threading.main_thread():
            raise UsageError("frames cannot be run any more: the interpreter is exiting")
        if self._thread is None:
            self._start()
        job = _Job(function)
        self._jobs.put(job)
        return job

    def reserve(self, size: int) -> Any:
        """Working memory of at least `size` bytes; only for use inside a call."""
        level = self._depth - 1
        while len(self._arenas) <= level:
            self._arenas.append(aligned_bytes(0))
        arena = self._arenas[level]
        if arena.size < size:
            arena = self._arenas[level] = aligned_bytes(size)
        return arena if arena.size == size else arena[:size]

    def share(self, code: PoolCode, threads: int | None = None, streams: int = 1) -> int:
        """Share what this call runs of a module from now on over so many threads, or over all; how many they are.

        All are those of one of so many streams that share the cores.
        """
        if self._clock() >= self._next_look:
            self._look()
        allowed = self._threads if streams == 1 else max(1, self._threads // streams)
        wanted = threads if threads is not None and threads < allowed else allowed
        self._pool.share(code, wanted)
        return wanted

    def _look(self) -> None:
        """Count the threads that there are anew: containers are given more cores, and fewer, while they run."""
        self._threads = self._place.threads or self._all_threads()
        self._next_look = self._clock() + LOOK_AGAIN

    def _all_threads(self) -> int:
        """As many as the process may use, or as neighbours leave processors for; what the user says where he does."""
        most = host.worker_threads()
        return self._left.threads(most, len(host.usable_cpus())) if host.threads_are_free() else most

    def give_arena(self, other: Engine) -> None:
        """Leave the working memory, whose pages are all there, to an engine that has less; only inside a call.

        One that is made while the interpreter exits runs nothing any more, and would be waited for for ever.
        """
        if not other._open:
            return
        arena, self._arenas[0] = self._arenas[0], aligned_bytes(0)
        other.call(lambda: other._take_arena(arena))

    def _take_arena(self, arena: Any) -> None:
        if arena.size > self._arenas[0].size:
            self._arenas[0] = arena

    def stop(self) -> None:
        """Finish the calls that run or wait, and run no more."""
        self._open = False
        with self._starting:
            thread = self._thread
        if thread is not None:
            self._jobs.put(None)
            thread.join()
        self._turn.acquire()  # for good
        self._pool.stop()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and self._open:
                self._thread = threading.Thread(target=self._work, name=self._place.name, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        if self._place.niceness:
            _give_way(self._place.niceness)
        if self._place.cpus:
            stay_on(self._place.cpus)
        while (job := self._jobs.get()) is not None:
            self._serving = True
            self._run(job.run)
            self._serving = False
            job.done.release()
            del job  # else the last frame would be held until the next one comes


def _give_way(niceness: int) -> None:
    """Let other threads of this process go first; elsewhere than on Linux, threads have no niceness of their own."""
    if host.system() == "linux":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), own + niceness)


_engines: dict[EngineRole, Engine] = {}
_starting = threading.Lock()
_exiting = False


def engine(place: EngineRole = FRAMES) -> Engine:
    """The engine of this process for frames, or for another role."""
    found = _engines.get(place)
    if found is None:
        with _starting:
            found = _engines.get(place) or _engines.setdefault(place, Engine(place))
    return found


def _stop_engines() -> None:
    """No native code may run while the interpreter and its libraries are taken down."""
    global _exiting
    _exiting = True
    # What happens aside may end with a call to the others.
    for role in sorted(_engines, key=lambda role: role is not ASIDE):
        _engines[role].stop()


def _forget_engines() -> None:
    """Threads do not survive a fork; the child's first call starts anew."""
    global _starting
    _engines.clear()
    _starting = threading.Lock()


atexit.register(_stop_engines)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_engines)

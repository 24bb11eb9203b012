"""The threads that share a frame: Python's own, in machine code that every artifact's module carries.

Pieces of a kernel are claimed by whoever is awake, so that nobody waits for a thread that a neighbour's work keeps from
its processor. compiler/backends/cpu/program/frame_pool_launch.ll says how, and how a pool's memory is laid out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from zcc.runtime.aligned import aligned_bytes
from zcc.runtime.numa import stay_on

# The code's entries; another layout of a pool's memory takes other names.
JOIN, WORK, LIMIT = "zcc_pool2_join", "zcc_pool2_work", "zcc_pool2_limit"
# Places in a pool's memory.
PIECES, PATIENCE, SLEPT, TO_DONE, CLAIMS, LINE = 196, 200, 208, 216, 256, 64
PIECES_OF_A_THREAD = 8  # of a kernel at most: the last ones end together, and claims cost next to nothing
PATIENCE_NS = 50_000  # of looking for work before a thread sleeps: from kernel to kernel, not between frames


@dataclass(frozen=True)
class PoolCode:
    """The entries of a module."""

    join: Any
    work: Any
    limit: Any

    @classmethod
    def of(cls, module: Any) -> PoolCode:
        """Those of a loaded module."""
        return cls(*(module[name] for name in (JOIN, WORK, LIMIT)))


class FramePool:
    """At most so many threads, one of them the caller's; only one thread at a time runs frames in it."""

    def __init__(self, room: int, cpus: frozenset[int] = frozenset()) -> None:
        self._room, self._cpus = room, cpus
        self._memory = aligned_bytes(CLAIMS + 2 * LINE * room)
        self._memory[PIECES:].view("i4")[0] = PIECES_OF_A_THREAD
        self._memory[PATIENCE:].view("i8")[0] = PATIENCE_NS
        self._memory[TO_DONE:].view("i8")[0] = LINE * room
        self._at: int = self._memory.ctypes.data
        self._limit = 0
        self._code: PoolCode | None = None
        self._workers: list[threading.Thread] = []

    def share(self, code: PoolCode, threads: int) -> None:
        """So many threads share what the calling thread runs of the code's module from now on."""
        if threads != self._limit:
            self._set(code, min(threads, self._room))
            self._limit = threads
        code.join(self._at)

    def stop(self) -> None:
        """Send the workers home, and wait for them."""
        if self._code is not None:
            self._code.limit(self._at, -1, self._room)
            for worker in self._workers:
                if worker.ident is not None:
                    worker.join()

    def _set(self, code: PoolCode, threads: int) -> None:
        (self._code or code).limit(self._at, threads, self._room)
        if threads > 1 and self._code is None:
            code.work.release_gil = True
            self._code = code  # whose module stays loaded, since the workers are in it
        for index in range(len(self._workers) + 1, threads):
            # A method, so that the pool's memory is there for as long as its workers.
            worker = threading.Thread(target=self._work, args=(index,), name=f"zcc-{index}", daemon=True)
            self._workers.append(worker)  # first: an interrupt in between must not lead to two of one number
            worker.start()

    def _work(self, index: int) -> None:
        assert self._code is not None
        if self._cpus:
            stay_on(self._cpus)
        self._code.work(self._at, index)

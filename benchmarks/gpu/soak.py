"""Frames by the hundred thousand, loads by the hundred, threads side by side, and a card that fails."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from ctypes import byref, c_size_t
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.case import Case
from benchmarks.gpu.timing import OnCard
from zcc.runtime.errors import DeviceLost, UsageError
from zcc.runtime.executors.cuda import CudaExecutor

FRAMES, LOADS, THREADS, EACH = 100_000, 500, 8, 1000
ROOM = 8 << 20  # bytes that the host's memory may grow by
PAGE = os.sysconf("SC_PAGE_SIZE")


def failures(case: Case) -> Iterator[str]:
    """What is left behind, what differs, and what fails otherwise than it should."""
    executor = CudaExecutor(case.program)
    frame = OnCard(executor.context, np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8))
    executor.write("maps", case.arrays[case.post[0].maps])
    yield from _many(case, executor, frame)
    yield from _threads(executor, frame)
    yield from _forked(executor, frame)
    executor.close()
    yield from _broken(case)


def _many(case: Case, executor: CudaExecutor, frame: Any) -> Iterator[str]:
    def load() -> None:
        other = CudaExecutor(case.program)
        other.run(frame)
        other.close()

    for what, times, once in (
        (f"{FRAMES} frames", FRAMES, lambda: executor.run(frame)),
        (f"{LOADS} loads", LOADS, load),
    ):
        for _ in range(times // 10):
            once()
        before = _memory(executor)
        for _ in range(times):
            once()
        host, card = (after - first for after, first in zip(_memory(executor), before, strict=True))
        print(f"{times} {what}: {host / 1e6:.2f} MB more on the host, {card / 1e6:.2f} MB on the card")
        if host > ROOM or card > 0:
            yield f"{times} {what} leave memory behind"


def _memory(executor: CudaExecutor) -> tuple[int, int]:
    """Bytes in use of the host and of the card."""
    free, whole = c_size_t(), c_size_t()
    with executor.context as card:
        card.call("cuMemGetInfo_v2", byref(free), byref(whole))
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE, whole.value - free.value


def _threads(executor: CudaExecutor, frame: Any) -> Iterator[str]:
    wanted, differing = executor.run(frame), list[int]()

    def work() -> None:
        for _ in range(EACH):
            found = executor.run(frame)
            if not np.array_equal(found.boxes, wanted.boxes) or found.edges != wanted.edges:
                differing.append(1)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{THREADS} threads ran {EACH} frames each, {len(differing)} differ")
    if differing:
        yield "threads get other results"


def _forked(executor: CudaExecutor, frame: Any) -> Iterator[str]:
    child = os.fork()
    if child == 0:
        try:
            executor.run(frame)
        except UsageError:
            os._exit(7)
        os._exit(1)
    refused = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    print(f"a child is {'refused' if refused else 'not refused'}; its parent finds {len(executor.run(frame))}")
    if not refused:
        yield "a child is not refused"


class _Nowhere:
    """A frame at an address that is nobody's."""

    __cuda_array_interface__ = {  # noqa: RUF012
        "shape": (720, 1280, 3),
        "typestr": "|u1",
        "data": (1 << 20, False),
        "version": 3,
    }


def _broken(case: Case) -> Iterator[str]:
    """The end of this process's use of the card: every call must say so."""
    executor = CudaExecutor(case.program)
    attempts = (
        ("a frame at an address that is nobody's", lambda: executor.run(_Nowhere())),
        ("the next frame", lambda: executor.run(np.zeros((720, 1280, 3), np.uint8))),
        ("another load", lambda: CudaExecutor(case.program)),
    )
    for what, attempt in attempts:
        try:
            attempt()
        except DeviceLost as error:
            print(f"{what}: {error}")
        else:
            yield f"{what} goes through"
    executor.close()

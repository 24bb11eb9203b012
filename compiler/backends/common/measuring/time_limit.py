"""When a search ends: its time is up, or somebody pressed Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any


class TimeLimit(threading.Event):
    """Set when the time is up; tells how much there is until then."""

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__()
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, endless where there is no limit."""
        return inf if self._end is None else max(self._end - time.monotonic(), 0.0)


@contextmanager
def stopping(seconds: float | None) -> Iterator[TimeLimit]:
    """An event that is set when the time is up, or at Ctrl-C, which is raised again behind the block."""
    stop = TimeLimit(seconds)
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

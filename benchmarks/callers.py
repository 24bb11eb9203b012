"""Threads that call a detector as fast as they can, and hold each result against those that are right."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from zcc.runtime import Detections, Detector
from zcc.runtime.errors import ZccError
from zcc.runtime.planes import Pixels

Answer = bytes
SIZES = ((480, 640), (720, 1280), (333, 517), (640, 640))
LOOK = 0.0005  # seconds


def answer(found: Detections) -> Answer:
    """Detections as something that can be compared."""
    return found.boxes.tobytes() + found.scores.tobytes() + found.classes.tobytes()


def some_frames() -> list[Pixels]:
    """Noise of several sizes."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, 3), np.uint8) for size in SIZES]


@dataclass(frozen=True)
class TimedCall:
    """One call, by the clock."""

    begun: float
    ended: float

    @property
    def milliseconds(self) -> float:
        """How long it took."""
        return 1e3 * (self.ended - self.begun)


@dataclass
class Callers:
    """What the threads saw so far."""

    detector: Detector
    frames: Sequence[Pixels]
    right: Sequence[set[Answer]]  # by frame
    seen: list[TimedCall] = field(default_factory=list)
    wrong: int = 0
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def calling(self, threads: int) -> Iterator[None]:
        """Call in so many threads meanwhile."""
        stop = threading.Event()
        with ThreadPoolExecutor(threads) as pool:
            calls = [pool.submit(self._call, stop, first) for first in range(threads)]
            try:
                yield
            finally:
                stop.set()
            for call in calls:
                call.result()

    def _call(self, stop: threading.Event, first: int) -> None:
        turn = first
        while not stop.is_set():
            index = turn % len(self.frames)
            begun = time.perf_counter()
            try:
                found = answer(self.detector(self.frames[index]))
            except ZccError as error:
                self.failed.append(str(error))
            else:
                self.seen.append(TimedCall(begun, time.perf_counter()))
                self.wrong += found not in self.right[index]
            turn += 1

    def wait(self, frames: int) -> tuple[float, float]:
        """Until so many more are through; from when to when that was."""
        begun, enough = time.perf_counter(), len(self.seen) + len(self.failed) + frames
        while len(self.seen) + len(self.failed) < enough:
            time.sleep(LOOK)
        return begun, time.perf_counter()

    def within(self, begun: float, ended: float) -> list[float]:
        """Milliseconds of the frames that ended in that time."""
        return [each.milliseconds for each in list(self.seen) if begun <= each.ended <= ended]

"""What a stream has done so far, and where its time went."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RECENT = 1024  # times that percentiles are taken of


@dataclass(frozen=True)
class StageTime:
    """What a stage took, in milliseconds: all frames' mean, and percentiles of the last ones; 0 before the first."""

    mean: float
    p50: float
    p99: float


@dataclass(frozen=True)
class StreamStatistics:
    """A stream up to this moment."""

    read: int  # frames that came from the source
    dropped: int  # of those, the ones that newer frames pushed out
    done: int  # of those, the ones that were run
    seconds: float  # from the start to the last frame that was run
    reading: StageTime  # of a frame by the source
    queued: StageTime  # of a frame between the source and the detector
    waiting: StageTime  # of the detector for a frame
    detecting: StageTime

    @property
    def fps(self) -> float:
        """Frames that were run per second."""
        return self.done / self.seconds if self.seconds else 0.0

    def describe(self) -> dict[str, Any]:
        """The statistics as users see them in `--json`."""
        return {**asdict(self), "fps": self.fps}

    def __str__(self) -> str:
        """In one line."""
        stages = ", ".join(
            f"{name} {stage.p50:.1f} ms (p99 {stage.p99:.1f})"
            for name, stage in (("reading", self.reading), ("waiting", self.waiting), ("detecting", self.detecting))
        )
        return f"{self.done} frames at {self.fps:.1f} a second, {self.dropped} dropped; {stages}"


class StageClock:
    """Collects the times of one stage; written by one thread."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.count = 0
        self._clock = clock
        self._total = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def add(self, seconds: float) -> None:
        """Count one frame's time."""
        self.count += 1
        self._total += seconds
        self._recent.append(seconds)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Count what happens inside, where it ends well."""
        start = self._clock()
        yield
        self.add(self._clock() - start)

    def summary(self) -> StageTime:
        """What was collected."""
        recent = 1e3 * np.array(self._recent.copy())
        if not recent.size:
            return StageTime(0.0, 0.0, 0.0)
        p50, p99 = np.percentile(recent, [50, 99])
        return StageTime(1e3 * self._total / self.count, float(p50), float(p99))

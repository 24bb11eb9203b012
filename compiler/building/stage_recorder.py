"""What each stage of a build takes: seconds, and the process's peak memory after it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from zcc.compiler.building.progress import Progress
from zcc.runtime.manifest import BuildStage

KILO = 1024 if sys.platform != "darwin" else 1


class StageRecorder:
    """Runs stages under a progress display and keeps their figures."""

    def __init__(self, progress: Progress, done: tuple[BuildStage, ...] = ()) -> None:
        self.progress = progress
        self.done = list(done)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Run the block as the stage `name`."""
        start = time.perf_counter()
        with self.progress.stage(name):
            yield
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILO / 1e6
        self.done.append(BuildStage(name, round(seconds, 3), round(peak, 1)))

"""What a bench finds out besides the race, each in a fresh process that has nothing but the detector in it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zcc.compiler.backends.common.processes import without_interrupts
from zcc.compiler.benching.energy import meters
from zcc.compiler.racing.contestant import USUAL, Pixels
from zcc.compiler.racing.time_figures import summary
from zcc.runtime import host
from zcc.runtime.errors import BenchmarkError, CorruptArtifact
from zcc.runtime.manifest import Manifest
from zcc.runtime.variant import Variant
from zcc.runtime.wording import counted

WARM_UP = 3  # frames that are not counted: the first ones load code and wake threads
LEAST_RUNS = 5  # however slow the machine
SETTLED = 0.2  # seconds of runs that are not counted
STAGES = ("preprocess", "network", "postprocess")

Found = TypeVar("Found")
Given = TypeVar("Given")


def apart(threads: int, work: Callable[..., Found], *arguments: Any) -> Found:
    """What work brings that is done in a process of its own, with so many threads for a frame."""
    with ProcessPoolExecutor(1, get_context("spawn"), _begin, (threads,)) as process, without_interrupts():
        try:
            return process.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            problem = f"the process that was to measure on {counted(threads, 'thread')} ended before it was done"
            raise BenchmarkError(problem, "see what the system's log says of it") from error


def _begin(threads: int) -> None:
    os.environ[host.THREADS_VARIABLE] = str(threads)
    os.dup2(2, 1)


@dataclass(frozen=True)
class Around:
    """What surrounds a race, measured in one process."""

    stages: dict[str, dict[str, float]]  # none where the artifact was compiled before it could tell
    sizes: list[dict[str, Any]]
    energy: dict[str, Any] | None  # None where the machine does not tell
    batch: dict[str, Any] | None  # None where a call is for one frame


def measure_around(
    folder: Path, by_size: Sequence[Sequence[Pixels]], frames: Sequence[Pixels], seconds: float
) -> Around:
    """Stages, frames of other sizes, and energy."""
    variant = _warm(folder, frames)
    return Around(
        _stages(variant, frames, seconds),
        [
            {
                "frame": list(mine[0].shape[:2]),
                **summary(_timed(lambda frame: variant.run(frame, *USUAL), mine, seconds)),
            }
            for mine in by_size
        ],
        _energy(variant, frames, seconds),
        _batch(variant, frames, seconds),
    )


def _stages(variant: Variant, frames: Sequence[Pixels], seconds: float) -> dict[str, dict[str, float]]:
    taken: list[Any] = []
    try:
        _timed(lambda frame: taken.append(variant.stages(frame, *USUAL)), frames, seconds)
    except CorruptArtifact:
        return {}
    return {name: summary(list(column)) for name, column in zip(STAGES, zip(*taken, strict=True), strict=True)}


def side_by_side(folder: Path, frames: Sequence[Pixels], streams: int, seconds: float) -> dict[str, float]:
    """Frames a second of so many callers and streams at once, and what a frame takes each of them."""
    variant = _warm(folder, frames)
    taken: list[list[float]] = [[] for _ in range(streams)]

    def call(mine: list[float]) -> None:
        mine += _timed(lambda frame: variant.run(frame, *USUAL, streams), frames, seconds, warm=0)

    threads = [threading.Thread(target=call, args=(mine,)) for mine in taken]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - start
    every = [each for mine in taken for each in mine]
    return {"fps": round(len(every) / passed, 2), **summary(every)}


def _energy(variant: Variant, frames: Sequence[Pixels], seconds: float) -> dict[str, Any] | None:
    """Joules of a frame, by what the machine tells."""
    counters = meters(variant.manifest.executor)
    if not counters:
        return None
    before = [counter.read() for counter in counters]
    runs = len(_timed(lambda frame: variant.run(frame, *USUAL), frames, max(seconds, 1.0), warm=0))
    taken = [counter.since(reading) for counter, reading in zip(counters, before, strict=True)]
    return {
        "joules_per_frame": round(sum(taken) / runs, 6),
        "source": ", ".join(counter.name for counter in counters),
        "frames": runs,
    }


def _batch(variant: Variant, frames: Sequence[Pixels], seconds: float) -> dict[str, Any] | None:
    """What a call takes for as many frames as the artifact was compiled for."""
    count = variant.manifest.batch
    if count == 1:
        return None
    several = [[frames[(first + number) % len(frames)] for number in range(count)] for first in range(len(frames))]
    taken = _timed(lambda each: variant.run_many(each, *USUAL), several, seconds)
    return {"frames": count, **summary(taken), "fps": round(count * len(taken) / sum(taken), 2)}


def _warm(folder: Path, frames: Sequence[Pixels]) -> Variant:
    variant = Variant(folder, Manifest.read(folder))
    for number in range(WARM_UP):
        variant.run(frames[number % len(frames)], *USUAL)
    return variant


def _timed(
    call: Callable[[Given], object], frames: Sequence[Given], seconds: float, warm: float = SETTLED
) -> list[float]:
    """The seconds of each run, for so long and so often at least."""
    taken: list[float] = []
    begun = time.perf_counter()
    while len(taken) < LEAST_RUNS or time.perf_counter() - begun < warm + seconds:
        start = time.perf_counter()
        call(frames[len(taken) % len(frames)])
        taken.append(time.perf_counter() - start)
    return [each for each, end in zip(taken, np.cumsum(taken), strict=True) if end > warm] or taken


# What a user would write, with the clock read in between; the clock counts from the machine's start.
PROGRAM = """
import json, sys, time
clocks = [time.monotonic()]
import numpy as np
from zcc.runtime.detector import Detector
clocks.append(time.monotonic())
detector = Detector.load(sys.argv[1])
clocks.append(time.monotonic())
detector(np.full((int(sys.argv[2]), int(sys.argv[3]), 3), 114, np.uint8))
clocks.append(time.monotonic())
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"clocks": clocks, "memory": {k: int(status[k].split()[0]) / 1e3 for k in ("VmRSS", "VmHWM")}}))
"""
PHASES = ("interpreter", "imports", "load", "first_frame")


def cold_start(folder: Path, frame: tuple[int, int], times: int) -> dict[str, Any]:
    """Milliseconds from a process's start to its first detections, by phase, and the memory that it then holds."""
    readings = [_start(folder, frame) for _ in range(times)]
    phases = {
        phase: round(statistics.median(1e3 * (clocks[at + 1] - clocks[at]) for clocks, _ in readings), 1)
        for at, phase in enumerate(PHASES)
    }
    whole = statistics.median(1e3 * (clocks[-1] - clocks[0]) for clocks, _ in readings)
    resident = {
        name: round(statistics.median(memory[key] for _, memory in readings), 1) for name, key in MEMORY.items()
    }
    return {"cold_start_ms": {"all": round(whole, 1), **phases, "times": times}, "memory_mb": resident}


MEMORY = {"resident": "VmRSS", "peak": "VmHWM"}


def _start(folder: Path, frame: tuple[int, int]) -> tuple[list[float], dict[str, float]]:
    begun = time.monotonic()
    command = [sys.executable, "-c", PROGRAM, str(folder), *map(str, frame)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BenchmarkError(f"a fresh process could not run the artifact: {last}", "run it with zcc run")
    told = json.loads(done.stdout)
    return [begun, *told["clocks"]], told["memory"]

"""How long stored artifacts take for a frame, measured on the bytes that are stored."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from zcc.runtime import host
from zcc.runtime.frame import Pixels
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.variant import Detections, Variant

FRAME = (1080, 1920, 3)
WARM_UP, ROUNDS = 3, 15
SECONDS, MOST_ROUNDS = 0.5, 100  # quick detectors are timed more often: a median of few frames is of little worth
SEED = 20241

Run = Callable[[Pixels, float, float], Detections]  # a frame, the least score, the most overlap


def measure_latency(folder: Path, manifest: Manifest) -> tuple[Measurement, Measurement]:
    """The median time from frame to detections on this machine, and how far apart the middle half of the times is."""
    variant = Variant(folder, manifest)
    [times] = _times([variant.run])
    how = _how(times, variant.threads)
    apart = float(np.subtract(*np.percentile(times, (75, 25))))
    return (
        Measurement("latency_ms", round(statistics.median(times), 3), f"median of {how}"),
        Measurement("latency_spread_ms", round(apart, 3), f"between the quarters of {how}"),
    )


def measure_latencies(runs: Sequence[Run]) -> list[Measurement]:
    """The median time from frame to detections of each detector on this machine, taken in turns."""
    return [
        Measurement("latency_ms", round(statistics.median(times), 3), f"median of {_how(times, host.worker_threads())}")
        for times in _times(runs)
    ]


def _times(runs: Sequence[Run]) -> list[list[float]]:
    """The milliseconds of each, warmed up."""
    frame = np.random.default_rng(SEED).integers(0, 256, FRAME, dtype=np.uint8)
    for _ in range(WARM_UP):
        for run in runs:
            _milliseconds(run, frame)
    taken: list[list[float]] = []
    start = time.perf_counter()
    while len(taken) < ROUNDS or (time.perf_counter() - start < SECONDS * len(runs) and len(taken) < MOST_ROUNDS):
        taken.append([_milliseconds(run, frame) for run in runs])
    return [list(times) for times in zip(*taken, strict=True)]


def _how(times: Sequence[float], threads: int) -> str:
    return f"{len(times)} frames of 1920x1080 noise on {host.machine()}, {threads} threads"


def _milliseconds(run: Run, frame: Pixels) -> float:
    start = time.perf_counter()
    run(frame, 0.25, 0.45)
    return 1e3 * (time.perf_counter() - start)

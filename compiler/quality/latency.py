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
SEED = 20241

Run = Callable[[Pixels, float, float], Detections]  # a frame, the least score, the most overlap


def measure_latency(folder: Path, manifest: Manifest) -> Measurement:
    """The median time from frame to detections on this machine."""
    variant = Variant(folder, manifest)
    return measure_latencies([variant.run], [variant.threads])[0]


def measure_latencies(runs: Sequence[Run], threads: Sequence[int] | None = None) -> list[Measurement]:
    """The median time from frame to detections of each detector on this machine, taken in turns.

    `threads` are those that each of them has, where they are not all that the process may use.
    """
    frame = np.random.default_rng(SEED).integers(0, 256, FRAME, dtype=np.uint8)
    rounds = [[_milliseconds(run, frame) for run in runs] for _ in range(WARM_UP + ROUNDS)]
    how = f"median of {ROUNDS} frames of 1920x1080 noise on {host.machine()}"
    counts = threads or [host.worker_threads()] * len(runs)
    return [
        Measurement("latency_ms", round(statistics.median(times), 3), f"{how}, {count} threads")
        for times, count in zip(zip(*rounds[WARM_UP:], strict=True), counts, strict=True)
    ]


def _milliseconds(run: Run, frame: Pixels) -> float:
    start = time.perf_counter()
    run(frame, 0.25, 0.45)
    return 1e3 * (time.perf_counter() - start)

"""How long a stored artifact takes for a frame, measured on the bytes that are stored."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

from zcc.runtime import host
from zcc.runtime.manifest import Manifest, Measurement
from zcc.runtime.variant import Variant

FRAME = (1080, 1920, 3)
WARM_UP, ROUNDS = 3, 15
SEED = 20241


def measure_latency(folder: Path, manifest: Manifest) -> Measurement:
    """The median time from frame to detections on this machine."""
    variant = Variant(folder, manifest)
    frame = np.random.default_rng(SEED).integers(0, 256, FRAME, dtype=np.uint8)
    times = []
    for _ in range(WARM_UP + ROUNDS):
        start = time.perf_counter()
        variant.run(frame, 0.25, 0.45)
        times.append(1e3 * (time.perf_counter() - start))
    how = f"median of {ROUNDS} frames of 1920x1080 noise, {host.worker_threads()} threads"
    return Measurement("latency_ms", round(statistics.median(times[WARM_UP:]), 3), how)

"""What a call costs beyond the compiled function that it runs: `detector(frame)` against the function itself, in turns.

python -m benchmarks.call_overhead ARTIFACT [--calls N] [--rounds N]

ARTIFACT is an artifact's folder, best of a model of about a millisecond. Both run on the same frame and threads.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tvm_ffi

from benchmarks.arguments import run
from zcc.runtime import Detector
from zcc.runtime.engine import engine

CONF, IOU = 0.25, 0.45


def direct(detector: Detector, frame: np.ndarray) -> Callable[[], object]:
    """The compiled function, with everything at hand; it is to be called within the engine.

    It reads and writes the detector's own memory: a copy of the weights elsewhere can make frames a percent quicker or
    slower, which is more than a call costs.
    """
    executor: Any = detector._current.variant.executor
    manifest = executor.manifest
    code, results = executor._detect[manifest.input.color], executor._results[-1]

    def prepare() -> object:
        threads = engine().share(executor._pool_code)
        return engine().reserve(manifest.memory("detect", threads))

    arena = tvm_ffi.from_dlpack(engine().call(prepare))
    given = tvm_ffi.from_dlpack(frame)
    return lambda: code(given, CONF, IOU, executor._weights, arena, *results.arguments)


def timed(call: Callable[[], object], number: int) -> list[float]:
    """Seconds of so many calls."""
    taken = []
    for _ in range(number):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Print both medians, and their difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument("--calls", type=int, default=200, help="of each in a turn")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    detector = Detector.load(options.artifact)
    spec = detector.manifest.input
    frame = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    detector(frame, conf=CONF, iou=IOU)
    function = direct(detector, frame)
    calls: list[float] = []
    alone: list[float] = []
    differences = []
    for _ in range(options.rounds):
        called = timed(lambda: detector(frame, conf=CONF, iou=IOU), options.calls)
        bare = engine().call(lambda: timed(function, options.calls))
        differences.append(statistics.median(called) - statistics.median(bare))
        calls, alone = calls + called, alone + bare
    print(f"the call      {1e6 * statistics.median(calls):8.1f} us")
    print(f"the function  {1e6 * statistics.median(alone):8.1f} us")
    print(f"beyond it     {1e6 * statistics.median(differences):8.1f} us, the median of the turns' differences")


if __name__ == "__main__":
    run(main)

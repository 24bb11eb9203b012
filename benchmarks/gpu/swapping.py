"""Swaps among the variants of a bundle, on the card and to the processor and back, while threads call."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.same import identical
from zcc.runtime import Detector
from zcc.runtime.detections import Detections

CALLERS, TURNS = 4, 3
Kind = tuple[str, str]  # dtype and target


def swaps(bundle: Path, kinds: Sequence[Kind], frames: Sequence[Any]) -> tuple[dict[str, float], list[str]]:
    """Milliseconds of a swap to each kind, the median, and what went wrong: every result must be one of a variant's."""
    wanted = [found_by(bundle, kind, frames) for kind in kinds]
    detector = Detector.load(bundle, *kinds[0])
    done, faults, calls = threading.Event(), list[str](), [0] * CALLERS

    def call(number: int) -> None:
        while not done.is_set():
            at = calls[number] % len(frames)
            found = detector(frames[at])
            if not any(identical(found, variant[at]) for variant in wanted):
                faults.append(f"frame {at} gives what no variant gives")
            calls[number] += 1

    callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        taken = [[_swap(detector, kind) for kind in kinds] for _ in range(TURNS)]
    finally:
        done.set()
        for caller in callers:
            caller.join()
    if not all(calls):
        faults.append(f"callers ran {calls} frames")
    labels = [f"to {dtype} on {target}" for dtype, target in kinds]
    medians = dict(zip(labels, np.median(taken, axis=0).round(2).tolist(), strict=True))
    return {**medians, "frames meanwhile": sum(calls)}, faults


def found_by(bundle: Path, kind: Kind, frames: Sequence[Any]) -> list[Detections]:
    """What a variant finds in each frame."""
    detector = Detector.load(bundle, *kind)
    return [detector(frame) for frame in frames]


def _swap(detector: Detector, kind: Kind) -> float:
    begin = time.perf_counter()
    detector.swap(*kind)
    return 1e3 * (time.perf_counter() - begin)

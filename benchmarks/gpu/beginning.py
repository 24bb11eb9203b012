"""How long a new process takes to its first boxes on a card."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

# What a user would write, with the clock read in between; the clock counts from the machine's start.
PROGRAM = """
import json, sys, time
clocks = [time.monotonic()]
import numpy as np
from zcc.runtime import Detector
clocks.append(time.monotonic())
detector = Detector.load(sys.argv[1], dtype=sys.argv[2], device="cuda")
clocks.append(time.monotonic())
detector(np.full((1080, 1920, 3), 114, np.uint8))
clocks.append(time.monotonic())
print(json.dumps(clocks))
"""
PHASES = ("interpreter", "imports", "load", "first frame")


def beginnings(bundle: Path, dtype: str, runs: int = 7) -> dict[str, float]:
    """Seconds from a process's start to its first boxes, by phase: medians; a first run, which fills caches, apart."""
    readings = [_start(bundle, dtype) for _ in range(runs + 1)]
    medians = np.median(readings[1:], axis=0).round(4).tolist()
    total = [sum(reading) for reading in readings]
    whole = {"very first": round(total[0], 4), "whole": round(float(np.median(total[1:])), 4)}
    return {**dict(zip(PHASES, medians, strict=True)), **whole}


def _start(bundle: Path, dtype: str) -> list[float]:
    begun = time.monotonic()
    told = subprocess.check_output([sys.executable, "-c", PROGRAM, str(bundle), dtype])
    clocks = [begun, *json.loads(told)]
    return [after - before for before, after in pairwise(clocks)]

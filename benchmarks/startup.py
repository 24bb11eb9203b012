"""How long a new process takes to its first detections, and how much memory it then holds.

python -m benchmarks.startup MODEL.onnx [--dtype fp32] [--runs N] [--registry URL] [--json]

Each run is a process of its own that loads the artifact, by path and by name in turns, and runs one 720p frame. Wall
time suffers from whatever else the machine does: the minimum and the processor time say what zcc itself takes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.arguments import opened_registry, run
from benchmarks.processor import compile_for_processor
from zcc.commands.progress import open_progress
from zcc.compiler.compile import CompileOptions, Result
from zcc.runtime.library import WEIGHTS

Reading = dict[str, float]  # milliseconds by phase, and megabytes

# What a user would write, with the clock read in between; the clock counts from the machine's start.
PROGRAM = """
import json, resource, sys, time
clocks = [time.monotonic()]
import numpy as np
from zcc.runtime.detector import Detector
clocks.append(time.monotonic())
detector = Detector.load(sys.argv[1], dtype=sys.argv[2], target=sys.argv[3], registry=sys.argv[4])
clocks.append(time.monotonic())
detector(np.full((720, 1280, 3), 114, np.uint8))
clocks.append(time.monotonic())
used = resource.getrusage(resource.RUSAGE_SELF)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
resident = {name: int(status[name].split()[0]) / 1e3 for name in ("VmRSS", "RssAnon", "VmHWM")}
print(json.dumps({"clocks": clocks, "cpu": used.ru_utime + used.ru_stime, **resident}))
"""
PHASES = ("interpreter", "imports", "load", "first frame")
MEMORY = {"VmRSS": "resident MB", "RssAnon": "private MB", "VmHWM": "peak MB"}


def start(reference: str, made: Result, registry: str, cache: str) -> Reading:
    """One process, from its start to its first detections."""
    arguments = [reference, made.manifest.dtype, made.manifest.target, registry]
    # As in an installed package, zcc's modules are compiled once.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun = time.monotonic()
    command = [sys.executable, "-c", PROGRAM, *arguments]
    told = json.loads(subprocess.check_output(command, env={**environment, "PYTHONPYCACHEPREFIX": cache}))
    clocks = [begun, *told["clocks"]]
    phases = {phase: 1e3 * (clocks[i + 1] - clocks[i]) for i, phase in enumerate(PHASES)}
    memory = {name: told[key] for key, name in MEMORY.items()}
    return {**phases, "wall": 1e3 * (clocks[-1] - begun), "cpu": 1e3 * told["cpu"], **memory}


def measure(made: Result, registry: str, runs: int) -> dict[str, list[Reading]]:
    """Readings by how the artifact is named; a first run of each, which fills caches, does not count."""
    references = {"by path": str(made.folder), "by name": made.manifest.name}
    readings: dict[str, list[Reading]] = {way: [] for way in references}
    with tempfile.TemporaryDirectory(prefix="zcc-cache-") as cache:
        for turn in range(runs + 1):
            for way, reference in references.items():
                reading = start(reference, made, registry, cache)
                readings[way] += [reading] if turn else []
    return readings


def as_table(readings: dict[str, list[Reading]]) -> str:
    """The median and the least of every figure."""
    lines = [f"{'ms':14}" + "".join(f"{way + ' median':>16}{'least':>10}" for way in readings)]
    for name in next(iter(readings.values()))[0]:
        cells = [[each[name] for each in taken] for taken in readings.values()]
        lines.append(f"{name:14}" + "".join(f"{statistics.median(cell):16.1f}{min(cell):10.1f}" for cell in cells))
    return "\n".join(lines)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--runs", type=int, default=9, help="processes of each way")
    parser.add_argument("--registry", metavar="URL", help="where to compile into; a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print every reading")
    return parser.parse_args()


def main() -> None:
    """Compile the model, start the processes, print the figures."""
    options = read_arguments()
    with opened_registry(options.registry) as registry:
        job = CompileOptions(options.model, dtypes=(options.dtype,))
        [made] = compile_for_processor(job, registry, open_progress())
        readings = measure(made, str(registry.home), options.runs)
    if options.json:
        print(json.dumps(readings))
    else:
        weights, total = (made.manifest.sizes[name] / 1e6 for name in (WEIGHTS, "total"))
        print(f"{made.manifest.name}: weights {weights:.1f} MB, artifact {total:.1f} MB")
        print(as_table(readings))


if __name__ == "__main__":
    run(main)

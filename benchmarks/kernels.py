"""Measure what this machine can do at most, and hold every kernel of a network against it.

python -m benchmarks.kernels MODEL.onnx | REF [--dtype D] [--calib DIR] [--registry URL] [--top N] [--rounds N] [--json]

A kernel's floor is the larger of its arithmetic at the machine's peak for what it multiplies, float32, bfloat16 or
bytes, and its operands and results at the bandwidth of memory of that size; nothing can be faster.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.arguments import opened_registry, run
from benchmarks.processor import compile_for_processor
from zcc.commands.pick import pick_runnable
from zcc.commands.progress import open_progress
from zcc.compiler.backends.common.machine import Machine
from zcc.compiler.backends.cpu.machine.peaks import measure_machine
from zcc.compiler.backends.cpu.targets.table import TARGETS
from zcc.compiler.compile import CompileOptions
from zcc.compiler.profiling.profile import profile_artifact
from zcc.compiler.profiling.report import as_rows, as_text, as_totals
from zcc.compiler.quality.comparison import POINTS
from zcc.registry import Registry
from zcc.runtime.manifest import Manifest


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", metavar="MODEL.onnx|REF")
    parser.add_argument("--dtype", help="fp32 by default, or of a REF's variants the best for this machine")
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--registry", metavar="URL", help="where REF is, or MODEL.onnx goes; for it a temporary one")
    parser.add_argument("--top", type=int, default=1000, help="rows of the table")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def find_artifact(options: argparse.Namespace, registry: Registry) -> Path:
    """The folder of the artifact that is meant, compiled now where a file is given."""
    if options.network.endswith(".onnx"):
        dtypes = (options.dtype or "fp32",)
        job = CompileOptions(Path(options.network), dtypes=dtypes, calib=options.calib, max_drop=POINTS)
        [result] = compile_for_processor(job, registry, open_progress())
        return result.folder
    return registry.folder(pick_runnable(registry, options.network, options.dtype, None))


def describe(machine: Machine) -> str:
    """The machine's limits, a line for each kind."""
    speeds = ", ".join(f"{size / 2**20:g} MiB {speed / 1e9:.0f}" for size, speed in machine.bandwidth)
    peaks = ", ".join(f"{arithmetic} {speed / 1e9:.0f}" for arithmetic, speed in machine.peaks.items())
    return f"peak in G operations/s on {machine.threads} threads: {peaks}\nreads in GB/s: {speeds}"


def main() -> None:
    """Print the table."""
    options = read_arguments()
    with opened_registry(options.registry) as registry:
        folder = find_artifact(options, registry)
        manifest = Manifest.read(folder)
        times = profile_artifact(folder, options.rounds)
        machine = measure_machine(TARGETS[manifest.target], {each.arithmetic for each in times})
    rows, totals = as_rows(times, machine), as_totals(times, machine)
    if options.json:
        print(json.dumps({"name": manifest.name, "machine": asdict(machine), "total": totals, "kernels": rows}))
        return
    print(f"{manifest.name} {manifest.dtype} for {manifest.target}\n{describe(machine)}\n{as_text(rows, options.top)}")
    print(
        f"network {totals['ms']:.2f} ms, sum of floors {totals['floor_ms']:.2f} ms: {totals['of_floor']:.1%} of floor"
    )


if __name__ == "__main__":
    run(main)

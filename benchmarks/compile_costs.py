"""What a compile takes: seconds, memory at most, and bytes of the artifact, for each model, target and dtype.

python -m benchmarks.compile_costs MODEL.onnx... [--target T,...] [--dtype D,...] [--calib DIR] [--json]

Every compile is a process of its own and starts with an empty registry, and with nothing that was compiled before.
Verifying and measuring are left out of the seconds: an emulated machine takes longer for them than the compiler for all
the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.arguments import names, run
from zcc.compiler.backends.cpu.program.kept_objects import objects_folder
from zcc.compiler.backends.cpu.targets.aarch64 import PROCESSORS
from zcc.runtime.cache import VARIABLE, cache_folder

CHECKS = ("verify", "measure", "accuracy", "publish")


@dataclass(frozen=True)
class Cost:
    """What one compile took."""

    model: str
    target: str
    dtype: str
    seconds: float
    peak_mb: float
    size_mb: float


@contextmanager
def cache_without_objects() -> Iterator[Path]:
    """A cache with all that lies in the user's, except for compiled objects."""
    with tempfile.TemporaryDirectory() as folder:
        for path in cache_folder().glob("*"):
            if path != objects_folder():
                Path(folder, path.name).symlink_to(path)
        yield Path(folder)


def compiled(model: Path, target: str, dtype: str, calib: Path | None) -> dict[str, Any]:
    """The manifest of a variant, made in a process of its own."""
    with tempfile.TemporaryDirectory() as registry, cache_without_objects() as cache:
        line = [sys.executable, "-m", "zcc", "compile", str(model), "--target", target, "--dtype", dtype]
        line += ["--registry", registry, "--json", *(["--calib", str(calib)] if dtype == "int8" and calib else [])]
        done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, VARIABLE: str(cache)})
    if done.returncode:
        sys.exit(done.stderr.strip().splitlines()[-1])
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def cost_of(model: Path, target: str, dtype: str, calib: Path | None) -> Cost:
    """What the compile took."""
    manifest = compiled(model, target, dtype, calib)
    building = [stage for stage in manifest["stages"] if stage["name"] not in CHECKS]
    seconds = sum(stage["seconds"] for stage in building)
    peak = max(stage["peak_mb"] for stage in building)
    return Cost(model.stem, target, dtype, seconds, peak, manifest["sizes"]["total"] / 1e6)


def costs(options: argparse.Namespace) -> Iterator[Cost]:
    """All of them, one after another."""
    for model, target, dtype in product(options.models, options.target, options.dtype):
        if dtype != "int8" or options.calib:
            yield cost_of(model, target, dtype, options.calib)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL.onnx")
    parser.add_argument("--target", type=names, default=["x86-64-v3", *(target.name for target in PROCESSORS)])
    parser.add_argument("--dtype", type=names, default=["fp32", "int8"])
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs(options)]))
        return
    print("| model | target | dtype | seconds | MB of memory | MB of artifact |\n| --- | --- | --- | --- | --- | --- |")
    for cost in costs(options):
        figures = f"{cost.seconds:.0f} | {cost.peak_mb:.0f} | {cost.size_mb:.1f}"
        print(f"| {cost.model} | `{cost.target}` | {cost.dtype} | {figures} |", flush=True)


if __name__ == "__main__":
    run(main)

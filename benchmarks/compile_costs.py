"""What a compile takes: seconds, memory at most, and bytes of the artifact, for each model, target and dtype.

python -m benchmarks.compile_costs MODEL.onnx... [--target T,...] [--dtype D,...] [--calib DIR] [--json]

Every compile is a process of its own and starts with an empty registry, and with nothing that was compiled before. The
seconds are the processor's, of all threads and of the processes that read the model and link, with what Python and TVM
take to start: so other work on the machine counts little, and on one that is quiet they are about what one waits.
Verifying, measuring and publishing are left out: they take longer on an emulated machine than the compiler for all the
rest.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path

from benchmarks.arguments import names, run
from zcc.compiler.backends.common.kept_objects import objects_folder
from zcc.compiler.backends.table import targets
from zcc.compiler.compile import CompileOptions, compile_model
from zcc.compiler.tuning.silent import SilentSearch
from zcc.registry import Registry
from zcc.runtime.cache import VARIABLE, cache_folder
from zcc.runtime.manifest import Manifest

CHECKS = ("verify", "measure", "publish")
MACHINES = "machines"  # of the user's cache: without them nothing is emulated
NO_BAR = 100.0  # points that may be lost: accuracy is not measured
TARGETS = ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64", "aarch64-dotprod", "aarch64-i8mm", "cuda:sm_90"]


@dataclass(frozen=True)
class Cost:
    """What one compile took."""

    model: str
    target: str
    dtype: str
    seconds: float  # of the processor
    peak_mb: float
    size_mb: float


class WithoutChecks(SilentSearch):
    """Follows a compile, and adds up the processor's seconds of what checks its result."""

    seconds = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Run the stage; those of CHECKS hold no others of them."""
        begin = processor_seconds()
        yield
        if name in CHECKS:
            self.seconds += processor_seconds() - begin


def processor_seconds() -> float:
    """What this process and those of its that ended have had."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@contextmanager
def empty_of_objects() -> Iterator[None]:
    """A cache with all that lies in the user's, except for compiled objects and machines to emulate."""
    with tempfile.TemporaryDirectory() as folder:
        for path in cache_folder().glob("*"):
            if path != objects_folder() and path.name != MACHINES:
                Path(folder, path.name).symlink_to(path)
        os.environ[VARIABLE] = folder
        yield


def cost_here(model: Path, target: str, dtype: str, calib: Path | None) -> Cost:
    """What the compile takes in this process, which has done nothing else."""
    pictures = calib if dtype == "int8" else None
    options = CompileOptions(model, dtypes=(dtype,), target=target, calib=pictures, max_drop=NO_BAR)
    follower = WithoutChecks()
    with tempfile.TemporaryDirectory() as registry, empty_of_objects():
        [made] = compile_model(options, Registry.open(registry), follower)
    seconds = processor_seconds() - follower.seconds
    return Cost(model.stem, target, dtype, seconds, peak_of(made.manifest), made.manifest.sizes["total"] / 1e6)


def peak_of(manifest: Manifest) -> float:
    """Megabytes that the compile held at most, before it was checked."""
    return max(stage.peak_mb for stage in manifest.stages if stage.name not in CHECKS)


def cost_of(model: Path, target: str, dtype: str, calib: Path | None) -> Cost:
    """What the compile takes in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(cost_here, model, target, dtype, calib).result()


def costs(options: argparse.Namespace) -> Iterator[Cost]:
    """All of them, one after another; without those that cannot be made."""
    known = targets()
    for model, target, dtype in product(options.models, options.target, options.dtype):
        if known[target].computes(dtype) and (dtype != "int8" or options.calib):
            yield cost_of(model, target, dtype, options.calib)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL.onnx")
    parser.add_argument("--target", type=names, default=TARGETS)
    parser.add_argument("--dtype", type=names, default=["fp32", "int8"])
    parser.add_argument("--calib", type=Path, metavar="DIR", help="pictures that decide the scales of int8")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options = read_arguments()
    if unknown := [name for name in options.target if name not in targets()]:
        sys.exit(f"error: no target {', '.join(unknown)}; there are {', '.join(targets())}")
    if options.json:
        print(json.dumps([asdict(cost) for cost in costs(options)]))
        return
    print("| model | target | dtype | seconds | MB of memory | MB of artifact |\n| --- | --- | --- | --- | --- | --- |")
    for cost in costs(options):
        figures = f"{cost.seconds:.0f} | {cost.peak_mb:.0f} | {cost.size_mb:.1f}"
        print(f"| {cost.model} | `{cost.target}` | {cost.dtype} | {figures} |", flush=True)


if __name__ == "__main__":
    run(main)

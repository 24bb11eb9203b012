"""Check prepared programs on this machine's card, then time them.

python -m benchmarks.gpu build/gpu [-o results.json] [--check | --soak]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import libraries, soak
from benchmarks.gpu.case import Case
from benchmarks.gpu.checks import failures
from benchmarks.gpu.timing import times
from zcc.runtime.executors.cuda import CudaExecutor

MAPPINGS = {"result": {"result"}, "none": set(), "both": {"result", "parameters"}}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--check", action="store_true", help="check only")
    parser.add_argument("--soak", action="store_true", help="run long, from many threads, and into failures")
    parser.add_argument("--only", default="", help="cases whose name begins so")
    parser.add_argument("--mapped", default="result", choices=MAPPINGS)
    options = parser.parse_args()
    faults, results = list[str](), dict[str, Any]()
    for folder in sorted(each for each in options.home.iterdir() if each.name.startswith(options.only)):
        case = Case.load(folder)
        if options.soak:
            faults += soak.failures(case)
        else:
            faults += examine(case, frozenset(MAPPINGS[options.mapped]), options.check, results)
    print("\n".join(["failures:", *faults]) if faults else "no failures")
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))
    return bool(faults)


def examine(case: Case, mapped: frozenset[str], check: bool, results: dict[str, Any]) -> list[str]:
    """Check a case, and time it where that is wanted; what failed."""
    begin = time.perf_counter()
    executor = CudaExecutor(case.program, mapped=mapped)
    loaded = time.perf_counter() - begin
    found = list(failures(case, executor))
    print(f"{case.name}: {len(case.pre) + len(case.post)} checks, {len(found)} failures, {loaded:.3f} s to load")
    if case.timed and not check:
        found += libraries.failures(executor)
        results[case.name] = times(case, executor)
        show(results[case.name])
    results["card"] = executor.context.name
    executor.close()
    return found


def show(result: dict[str, Any]) -> None:
    """A line for each figure, in microseconds."""
    for name, figures in result.items():
        for what, value in figures.items():
            print(f"    {name:32s} {what:20s} {json.dumps(value)}")


if __name__ == "__main__":
    sys.exit(main())

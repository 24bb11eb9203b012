"""What tuning records bring: whole frames in turns, and how near each kernel's default form is to the best on record.

python -m benchmarks.tuning MODEL.onnx [--dtype fp32] [--registry HOME] [--calib DIR] [--rounds N]

Three builds of the model: `direct`, with every convolution in the direct form that its template prefers; `default`, as
a compile without records makes it; and `tuned`, as one with the records of HOME and those that came with zcc makes it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks.arguments import run
from zcc.compiler.backends.cpu.forms.find_records import NO_RECORDS, KernelRecords, RecordedChoices, find_records
from zcc.compiler.backends.cpu.forms.records import Record
from zcc.compiler.backends.cpu.kernels.choices import Defaults, Unchanged, write_choice
from zcc.compiler.backends.cpu.kernels.spec import VectorUnit
from zcc.compiler.backends.cpu.lowering.pipeline import lower_network
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.cpu.tuning.kernel_task import KernelTask, tasks_of
from zcc.compiler.building.build import build
from zcc.compiler.building.job import Job
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.prepare import prepare
from zcc.compiler.building.progress import Silent
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.quality.latency import measure_latencies
from zcc.registry.location import locate
from zcc.runtime.variant import Variant

NEAR = 1.2  # a default form within this of the best is a good default


class Direct(KernelRecords):
    """No records, and every convolution direct."""

    def choices(self, unit: VectorUnit, winograd: bool = True) -> RecordedChoices:
        """As templates prefer, Winograd aside."""
        return super().choices(unit, winograd=False)


def race(job: Job, records: KernelRecords, rounds: int, scratch: Path) -> dict[str, float]:
    """Milliseconds from frame to detections of each build, in turns."""
    runs, builds = [], {"direct": Direct(()), "default": NO_RECORDS, "tuned": records}
    for name, made in builds.items():
        folder = scratch / name
        folder.mkdir()
        manifest = build(replace(job, records=made), name, folder, StageRecorder(Silent()))
        runs.append(Variant(folder, manifest).run)
    taken = [measure_latencies(runs) for _ in range(rounds)]
    return {name: median(turn[index].value for turn in taken) for index, name in enumerate(builds)}


def lookup_seconds(job: Job, target: CpuTarget, records: KernelRecords) -> tuple[float, dict[str, int]]:
    """What reading the records and asking them for every kernel adds to a compile."""
    network = job.precision.convert(job.source.network(), job.calibration, (), target.short_words, target.halves)
    start = time.perf_counter()
    lower_network(network, target.unit, Defaults())
    plain = time.perf_counter() - start
    network = job.precision.convert(job.source.network(), job.calibration, (), target.short_words, target.halves)
    choices = records.choices(target.unit)
    start = time.perf_counter()
    lower_network(network, target.unit, choices)
    return time.perf_counter() - start - plain, choices.counts


def print_kernels(tasks: list[KernelTask], records: KernelRecords) -> None:
    """Each kernel's default form and best direct form against the best on record."""
    print(f"{'kernel':<46}{'runs':>5}{'default':>9}{'best':>9}{'ratio':>7}  best form")
    worst = 1.0
    for task in tasks:
        known = next((base[task.key].records for base in records.databases if task.key in base), {})
        sound = {choice: record for choice, record in known.items() if not record.failed}
        default = sound.get(write_choice(task.choices[0]))
        if default is None:
            print(f"{task.spec.name:<46}{task.count:>5}  not on record")
            continue
        best = min(sound.values(), key=_speed)
        ratio = default.seconds / best.seconds
        worst = max(worst, ratio)
        times = f"{1e3 * default.seconds:>9.3f}{1e3 * best.seconds:>9.3f}"
        print(f"{task.spec.name:<46}{task.count:>5}{times}{ratio:>7.2f}  {best.choice}")
    print(f"the farthest default takes {worst:.2f}x the best ({'within' if worst <= NEAR else 'beyond'} {NEAR}x)")


def _speed(record: Record) -> float:
    return record.seconds


def main() -> None:
    """Print the kernels, the cost of a lookup, and the race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--target", default="native")
    parser.add_argument("--registry", help="whose records count, beside those that came with zcc")
    parser.add_argument("--calib", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="of 15 frames each")
    options = parser.parse_args()
    (job, target), home = make_job(options), locate(options.registry).home
    start = time.perf_counter()
    records = find_records(home, target)
    read = time.perf_counter() - start
    print_kernels(kernels_of(job, target), records)
    asked, counts = lookup_seconds(job, target, records)
    known, unknown = counts["tuned"], counts["default"]
    print(f"records: read in {read:.3f} s, asked in {asked:.3f} s; {known} kernels known, {unknown} not")
    with tempfile.TemporaryDirectory(prefix="zcc-benchmark-") as scratch:
        times = race(job, records, options.rounds, Path(scratch))
    told = ", ".join(f"{name} {taken:.2f} ms" for name, taken in times.items())
    print(f"frame: {told}")
    over = [times[name] / times["tuned"] for name in ("default", "direct")]
    print(f"tuned over default {over[0]:.3f}x, over direct {over[1]:.3f}x")


def make_job(options: argparse.Namespace) -> tuple[Job, CpuTarget]:
    """The variant to build, and the processor that it is for."""
    asked = CompileOptions(options.model, dtypes=(options.dtype,), target=options.target, calib=options.calib)
    model = prepare(asked, StageRecorder(Silent()), None)
    ((precision, target),) = model.variants
    if not isinstance(target, CpuTarget):
        sys.exit(f"error: {target.name} is no processor; choose one with --target")
    return Job("benchmark", model.source, target, precision, NO_RECORDS, model.calibration, model.calibrated), target


def kernels_of(job: Job, target: CpuTarget) -> list[KernelTask]:
    """The network's kernels with a choice."""
    network = job.precision.convert(job.source.network(), job.calibration, (), target.short_words, target.halves)
    return tasks_of(lower_network(network, target.unit, Unchanged()).calls, target.unit)


if __name__ == "__main__":
    run(main)

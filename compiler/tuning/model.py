"""The search for one variant's kernels, and for those of a whole model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np

from zcc.compiler.backends.common.machine import Machine, arithmetic_of
from zcc.compiler.backends.cpu.forms.lookup import SHIPPED, find_records, own_records
from zcc.compiler.backends.cpu.forms.network_form import default_form
from zcc.compiler.backends.cpu.forms.records import read_records
from zcc.compiler.backends.cpu.kernels.choices import Unchanged, write_choice
from zcc.compiler.backends.cpu.lowering.lower_network import lower_network
from zcc.compiler.backends.cpu.machine.peaks import measure_machine
from zcc.compiler.backends.cpu.targets.target import CpuTarget
from zcc.compiler.backends.target import Target
from zcc.compiler.building.calibration import calibrate_on_pictures
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stages import Stages
from zcc.compiler.building.tune_options import TuneOptions
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import Imported, import_model
from zcc.compiler.precision.calibrate import Calibration
from zcc.compiler.precision.model_scales import calibration_of
from zcc.compiler.precision.table import Precision
from zcc.compiler.tuning.addresses import find_addresses
from zcc.compiler.tuning.form_builder import FormBuilder
from zcc.compiler.tuning.form_race import RACE_SECONDS
from zcc.compiler.tuning.network_search import tune_network
from zcc.compiler.tuning.progress import SearchProgress
from zcc.compiler.tuning.task import Search, Task, tasks_of
from zcc.compiler.tuning.tune import Limits, tune
from zcc.runtime import host
from zcc.runtime.errors import UsageError
from zcc.runtime.manifest import InputSpec

NOISE = (2, 720, 1280, 3)  # frames that stand for the pictures of int8 where there are none
SEED = 20241
KERNELS_SHARE = 0.85  # of the time and of the trials
NETWORK_SECONDS = 20.0  # that building a network in two forms and racing them take at least
FLOORS_WORTH = 120.0  # seconds of a search that is worth the few that measuring the machine takes
FORM_SECONDS = 0.4  # that building a kernel in a form takes, where no search has just told


def tune_model(options: CompileOptions, wish: TuneOptions, home: Path, progress: SearchProgress) -> list[Search]:
    """Search for the kernels of every variant that the options name; a compile with them finds the records.

    The wish's seconds are those of everything, from here on.
    """
    began = time.monotonic()
    for _, target in options.wish.variants(quantised=False, pictures=True):
        find_addresses(wish.runner, searchable(target))  # what cannot be reached is told before a model is read
    stages = Stages(progress)
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes)
    with stages.stage("import"):
        source = import_model(model, InputSpec(model.height, model.width), options.max_det)
    brought = calibration_of(source)
    variants = options.wish.variants(brought is not None, pictures=True, pass_over=partial(_tell, progress))
    with _pictures(options) as told:
        calibrated = calibrate_on_pictures(told, source, brought, [precision for precision, _ in variants], stages)
    calibration = calibrated.calibration if calibrated else brought
    left = Limits(seconds=wish.seconds).after(time.monotonic() - began)
    return tune_variants(source, variants, calibration, home, replace(wish, seconds=left.seconds), stages, progress)


def tune_variants(
    source: Imported,
    variants: Sequence[tuple[Precision, Target]],
    calibration: Calibration | None,
    home: Path,
    wish: TuneOptions,
    stages: Stages,
    progress: SearchProgress,
) -> list[Search]:
    """Search for the kernels of each variant in its share of the time."""
    limits = shares(wish, len(variants))
    return [
        tune_variant(
            source, precision, searchable(target), calibration, home, next(limits), wish.runner, stages, progress
        )
        for precision, target in variants
    ]


def searchable(target: Target) -> CpuTarget:
    """The target, if there is a search for its kernels."""
    if not isinstance(target, CpuTarget):
        raise UsageError(f"kernels for {target.name} are not searched for", "compile it without --tune")
    return target


def tune_variant(
    source: Imported,
    precision: Precision,
    target: CpuTarget,
    calibration: Calibration | None,
    home: Path,
    limits: Limits,
    runner: str | None,
    stages: Stages,
    progress: SearchProgress,
) -> Search:
    """Search for the kernels of one variant, then for its network's form; what is found lies in the registry's home."""
    began = time.monotonic()
    network = precision.convert(source.network(), calibration, (), target.short_words, target.halves)
    folder = own_records(home, target)
    block = default_form(target, precision.name).block
    calls = lower_network(network, target.unit, Unchanged(), block).calls
    tasks = tasks_of(calls, target.unit)
    put_shipped_first(tasks, target)
    addresses = find_addresses(runner, target)
    with stages.stage(f"tune {precision.name} for {target.name}"):
        if target.runs_here() and worth_floors(limits):
            set_floors(tasks, measure_machine(target, {arithmetic_of(task.spec.name) for task in tasks}))
        kernels = for_kernels(limits).after(time.monotonic() - began)
        search = tune(tasks, target, folder, kernels, addresses, progress)
    build_seconds = len({call.spec for call in calls}) * seconds_per_form(search)
    left = for_network(limits, search).after(time.monotonic() - began)
    if left.seconds is not None and left.seconds < 2 * build_seconds + RACE_SECONDS:
        stages.progress.note("no time is left for other forms of the network as a whole; give a larger --budget")
        return search
    with stages.stage(f"tune {precision.name} as a whole"):
        builder = FormBuilder(source, precision, target, calibration, find_records(home, target))
        shares = runner is None and host.threads_are_free()
        left = for_network(limits, search).after(time.monotonic() - began)
        search.network = tune_network(builder, folder, left, addresses[0], shares, progress, build_seconds)
    return search


def put_shipped_first(tasks: Iterable[Task], target: CpuTarget) -> None:
    """Have a search try what came with zcc right behind the default: its records will hide zcc's."""
    shipped = read_records(SHIPPED / target.key)
    for task in tasks:
        offered = {write_choice(choice): choice for choice in task.choices}
        default = next(iter(offered))
        best = shipped[task.key].best(default, offered) if task.key in shipped else None
        if best is not None:
            others = (choice for name, choice in offered.items() if name not in (default, best))
            task.choices = (offered[default], offered[best], *others)


def seconds_per_form(search: Search) -> float:
    """What it takes to build a kernel in a form, as the search has just seen it."""
    return search.spent / search.tried if search.tried else FORM_SECONDS


def for_kernels(limits: Limits) -> Limits:
    """What kernels may take: not all, since there are few forms of the network, and all of it gains by them.

    All of it where the rest would not do for one form.
    """
    trials = limits.trials and ceil(KERNELS_SHARE * limits.trials)
    if limits.seconds is None or (1 - KERNELS_SHARE) * limits.seconds < NETWORK_SECONDS:
        return Limits(trials, limits.seconds)
    return Limits(trials, KERNELS_SHARE * limits.seconds)


def for_network(limits: Limits, search: Search) -> Limits:
    """The trials that the kernels left."""
    return replace(limits, trials=None if limits.trials is None else max(limits.trials - search.tried, 0))


def worth_floors(limits: Limits) -> bool:
    """Whether to measure what the machine could do at best, which tells how good a form is and finds none."""
    return limits.seconds is None or limits.seconds >= FLOORS_WORTH


def set_floors(tasks: Sequence[Task], machine: Machine) -> None:
    """Tell each task what its arithmetic and memory take at least."""
    for task in tasks:
        task.floor_seconds = machine.floor(arithmetic_of(task.spec.name), task.flops, task.bytes)


def shares(wish: TuneOptions, variants: int) -> Iterator[Limits]:
    """Limits for each variant: what is left of the time, in equal parts."""
    end = None if wish.seconds is None else time.monotonic() + wish.seconds
    for left in range(variants, 0, -1):
        yield Limits(wish.trials, None if end is None else max(end - time.monotonic(), 0.0) / left)


def _tell(progress: SearchProgress, dtype: str, error: UsageError) -> None:
    progress.note(f"{dtype} was passed over: {error}")


@contextmanager
def _pictures(options: CompileOptions) -> Iterator[CompileOptions]:
    """The options with pictures to calibrate on: kernels depend on shapes, so noise does where there are none."""
    if options.calib is not None:
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="zcc-") as folder:
        for number, frame in enumerate(np.random.default_rng(SEED).integers(0, 256, NOISE, dtype=np.uint8)):
            np.save(Path(folder) / f"{number}.npy", frame)
        yield replace(options, calib=Path(folder))

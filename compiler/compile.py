"""The story of a compile, top to bottom: an ONNX file goes in, artifacts come out in the registry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from zcc.compiler.backends.backend import Records
from zcc.compiler.backends.search import SearchProgress
from zcc.compiler.backends.table import backend_of
from zcc.compiler.backends.target import Target
from zcc.compiler.building.job import Job
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.prepare import prepare
from zcc.compiler.building.stage_recorder import StageRecorder
from zcc.compiler.building.wanted import PassOver
from zcc.compiler.quality.bar import Bar
from zcc.compiler.quality.build_to_bar import build_to_bar, is_reference
from zcc.compiler.quality.evaluate import detector
from zcc.compiler.quality.given import check_bar
from zcc.compiler.quality.open_bar import open_bar
from zcc.compiler.tuning.silent import SilentSearch
from zcc.compiler.tuning.tune_model import tune_variants
from zcc.registry import Registry
from zcc.registry.reference import check_name
from zcc.runtime.manifest import Manifest

__all__ = ["CompileOptions", "Result", "compile_model"]


@dataclass(frozen=True)
class Result:
    """One artifact in the registry, made now or found there."""

    manifest: Manifest
    folder: Path
    reused: bool


def compile_model(
    options: CompileOptions,
    registry: Registry,
    progress: SearchProgress | None = None,
    pass_over: PassOver | None = None,
) -> list[Result]:
    """Compile the model in every precision asked for, and publish each that keeps to the bar.

    Of several precisions those are passed over that cannot be made here, unless the options are strict.
    """
    name = check_name(options.model.stem if options.name is None else options.name)
    options.wish.check()
    check_bar(options.max_drop, options.data, options.calib)
    progress = progress or SilentSearch()
    stages = StageRecorder(progress)
    model = prepare(options, stages, pass_over)
    if options.tune:
        tune_variants(model, registry.home, options.tune, stages, progress)
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        bar = open_bar(options, model.source, model.calibrated, stages, Path(scratch))
        given = model.calibration, model.calibrated, bar.digest if bar else None
        jobs = [
            Job(name, model.source, target, precision, find_records(target, registry), *given)
            for precision, target in model.variants
        ]
        order = sorted(range(len(jobs)), key=lambda at: not is_reference(jobs[at]))  # first what others are held to
        made = {at: build_once(jobs[at], registry, bar, StageRecorder(progress, tuple(stages.done))) for at in order}
        return [made[at] for at in range(len(jobs))]


def find_records(target: Target, registry: Registry) -> Records:
    """What tuning found for the target: in this registry, and what came with zcc."""
    return backend_of(target).records(registry.home, target)


def build_once(job: Job, registry: Registry, bar: Bar | None, stages: StageRecorder) -> Result:
    """Build and publish a variant, unless the registry has this very build already."""
    key = job.fingerprint()
    waiting = "another process is compiling this; waiting for it"
    with registry.build_lock(key, lambda: stages.progress.note(waiting)):
        known = registry.by_fingerprint(key)
        if known is not None:
            registry.renew(known.digest)
            folder = registry.folder(known)
            if bar is not None and is_reference(job):
                bar.offer(detector(folder, known.manifest))
            return Result(known.manifest, folder, reused=True)
        with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
            folder, manifest = build_to_bar(job, key, Path(scratch), bar, stages)
            with stages.progress.stage("publish"):
                artifact = registry.publish(folder, manifest)
        return Result(artifact.manifest, registry.folder(artifact), reused=False)

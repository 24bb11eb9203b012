"""The story of a compile, top to bottom: an ONNX file goes in, artifacts come out in the registry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from zcc.compiler.accuracy.bar import Bar
from zcc.compiler.accuracy.figures import comparison_figures
from zcc.compiler.accuracy.standard import NothingFound
from zcc.compiler.bar import attempts, check_bar, open_bar
from zcc.compiler.calibration import load_shown
from zcc.compiler.frontend.load import load_model
from zcc.compiler.imported import import_model
from zcc.compiler.job import Job
from zcc.compiler.measure import measure_latency
from zcc.compiler.options import CompileOptions
from zcc.compiler.precision.table import REFERENCE
from zcc.compiler.progress import Progress, Silent
from zcc.compiler.stages import Stages
from zcc.compiler.targets.table import runs_here
from zcc.compiler.tuning.lookup import find_records
from zcc.compiler.tuning.variants import tune_variants
from zcc.compiler.variant import build, detector
from zcc.compiler.variants import PassOver
from zcc.compiler.verify import verify
from zcc.registry import Registry
from zcc.registry.reference import check_name
from zcc.runtime.errors import BuildError
from zcc.runtime.manifest import InputSpec, Manifest

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
    progress: Progress | None = None,
    pass_over: PassOver | None = None,
) -> list[Result]:
    """Compile the model in every precision asked for, and publish each that keeps to the bar.

    Of several precisions those are passed over that cannot be made here, unless the options are strict.
    """
    name = check_name(options.name or options.model.stem)
    options.wish.check()
    check_bar(options)
    stages = Stages(progress or Silent())
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes)
    with stages.stage("import"):
        spec = InputSpec(model.height, model.width, options.color, options.resize)
        source = import_model(model, spec, options.max_det)
    variants = options.wish.variants(source.calibration is not None, options.calib is not None, pass_over)
    shown = load_shown(options, source, [precision for precision, _ in variants], stages)
    calibration = shown.calibration if shown else source.calibration
    if options.tune:
        tune_variants(source, variants, calibration, registry.home, options.tune, stages)
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        bar = open_bar(options, source, shown, stages, Path(scratch))
        return [
            build_once(
                Job(
                    name,
                    source,
                    target,
                    precision,
                    shown,
                    bar.digest if bar else None,
                    find_records(registry.home, target),
                ),
                registry,
                bar,
                Stages(stages.progress, tuple(stages.done)),
            )
            for precision, target in variants
        ]


def build_once(job: Job, registry: Registry, bar: Bar | None, stages: Stages) -> Result:
    """Build and publish a variant, unless the registry has this very build already."""
    key = job.fingerprint()
    waiting = "another process is compiling this; waiting for it"
    with registry.build_lock(key, lambda: stages.progress.note(waiting)):
        known = registry.by_fingerprint(key)
        if known is not None:
            registry.renew(known.digest)
            return Result(known.manifest, registry.folder(known), reused=True)
        with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
            folder, manifest = build_within(job, key, Path(scratch), bar, stages)
            with stages.progress.stage("publish"):
                artifact = registry.publish(folder, manifest)
        return Result(artifact.manifest, registry.folder(artifact), reused=False)


def build_within(job: Job, key: str, scratch: Path, bar: Bar | None, stages: Stages) -> tuple[Path, Manifest]:
    """Build a variant that keeps to the bar, with as few of its layers in float as that takes."""
    tried = ""
    for floating in attempts(job, stages):
        folder = scratch / f"{job.precision.name}-{len(floating)}"
        folder.mkdir()
        manifest = check(job, folder, build(job, key, folder, stages, floating), stages)
        if bar is None or not runs_here(job.target):
            return folder, manifest
        try:
            with stages.stage("accuracy"):
                verdict = bar.judge(detector(folder, manifest))
        except NothingFound as nothing:
            if bar.asked:
                raise
            stages.progress.note(f"accuracy was not measured: {nothing.problem}")
            return folder, replace(manifest, stages=tuple(stages.done))
        names = job.source.model.class_names
        if job.precision.exact or verdict.holds:
            figures = comparison_figures(verdict.comparison, REFERENCE, names)
            return folder, replace(manifest, stages=tuple(stages.done), measured=(*manifest.measured, *figures))
        tried = verdict.message(names)
        latency = next(figure.value for figure in manifest.measured if figure.metric == "latency_ms")
        stages.progress.note(f"{len(floating)} layers in float, {latency:.1f} ms: {tried}")
    raise BuildError(
        f"{job.precision.name} misses the bar, nothing was published: {tried}",
        "allow more with --max-drop, calibrate on other pictures with --calib, or choose another dtype",
    )


def check(job: Job, folder: Path, manifest: Manifest, stages: Stages) -> Manifest:
    """The manifest with what was measured; a machine of another kind can measure nothing."""
    if not runs_here(job.target):
        stages.progress.note(f"{job.target.name} does not run on this machine: not verified, not measured")
        return replace(manifest, stages=tuple(stages.done))
    with stages.stage("verify"):
        figures = [verify(folder, manifest, job.source.model, job.precision.tolerance)]
    with stages.stage("measure"):
        figures.append(measure_latency(folder, manifest))
    return replace(manifest, stages=tuple(stages.done), measured=tuple(figures))

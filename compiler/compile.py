"""The story of a compile, top to bottom: an ONNX file goes in, artifacts come out in the registry."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from zcc.compiler.backends.table import backend_of
from zcc.compiler.building.build import build
from zcc.compiler.building.calibration import calibrate_on_pictures
from zcc.compiler.building.job import Job
from zcc.compiler.building.options import CompileOptions
from zcc.compiler.building.stages import Stages
from zcc.compiler.building.wanted import check_variants, find_variants
from zcc.compiler.frontend.load import load_model
from zcc.compiler.importing.imported import import_model
from zcc.compiler.precision.model_scales import calibration_of
from zcc.compiler.precision.table import REFERENCE
from zcc.compiler.quality.bar import Bar
from zcc.compiler.quality.evaluate import detector
from zcc.compiler.quality.figures import comparison_figures
from zcc.compiler.quality.latency import measure_latency
from zcc.compiler.quality.open_bar import attempts, open_bar
from zcc.compiler.quality.standard import NothingFound
from zcc.compiler.quality.verify import verify
from zcc.compiler.tuning.model import tune_variants
from zcc.compiler.tuning.progress import SearchProgress, SilentSearch
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


def compile_model(options: CompileOptions, registry: Registry, progress: SearchProgress | None = None) -> list[Result]:
    """Compile the model in every precision asked for, and publish each that keeps to the bar."""
    name = check_name(options.name or options.model.stem)
    check_variants(options.dtypes, options.target)
    progress = progress or SilentSearch()
    stages = Stages(progress)
    with stages.stage("load and check"):
        model = load_model(options.model, options.imgsz, options.classes)
    with stages.stage("import"):
        spec = InputSpec(model.height, model.width, options.color, options.resize)
        source = import_model(model, spec, options.max_det)
    brought = calibration_of(source)
    variants = find_variants(options.dtypes, options.target, brought is not None)
    calibrated = calibrate_on_pictures(options, source, brought, [precision for precision, _ in variants], stages)
    calibration = calibrated.calibration if calibrated else brought
    if options.tune:
        tune_variants(source, variants, calibration, registry.home, options.tune, stages, progress)
    with tempfile.TemporaryDirectory(prefix="zcc-") as scratch:
        bar = open_bar(options, source, calibrated, stages, Path(scratch))
        return [
            build_once(
                Job(
                    name,
                    source,
                    target,
                    precision,
                    backend_of(target).records(registry.home, target),
                    calibration,
                    calibrated,
                    bar.digest if bar else None,
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
        if bar is None or not job.target.runs_here():
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
    if not job.target.runs_here():
        stages.progress.note(f"{job.target.name} does not run on this machine: not verified, not measured")
        return replace(manifest, stages=tuple(stages.done))
    with stages.stage("verify"):
        figures = [verify(folder, manifest, job.source.model, job.precision.tolerance)]
    with stages.stage("measure"):
        figures.append(measure_latency(folder, manifest))
    return replace(manifest, stages=tuple(stages.done), measured=tuple(figures))
